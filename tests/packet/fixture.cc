// SPDX-License-Identifier: Apache-2.0
#include "fixture.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <sstream>

RawLink* raw_link;
unsigned fuzz_packets = 100000;
std::uint64_t fuzz_seed = kFuzzSeed;

namespace {

// Longest that anything may take before a case fails; generous for debug kernels.
constexpr int kPatienceMs = 30000;
constexpr unsigned kCaseSeconds = 500;

// Hosts below are the module's and kFenceHost.
constexpr unsigned kSelf = 2, kFirstHost = 10, kHosts = 240;

unsigned next_host = kFirstHost;
// Not those of an earlier run, which the module may remember as executed.
std::uint64_t next_id =
    static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) << 1;
std::uint64_t next_fence = 1;

}  // namespace

Metrics read_metrics() {
  Metrics out;
  std::ifstream file("/proc/net/homa_metrics");
  std::string line, name;
  std::uint64_t value;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    if (words >> name >> value) out[name] += value;
  }
  return out;
}

static std::string line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Setting::Setting(const std::string& name, const std::string& value)
    : path_("/proc/sys/net/homa/" + name) {
  old_ = line_of(path_);
  std::ofstream(path_) << value << std::flush;
  const std::string now = line_of(path_);
  EXPECT_EQ(now, value) << path_;
}

Setting::~Setting() { std::ofstream(path_) << old_ << '\n'; }

void PacketTest::SetUp() {
  alarm(kCaseSeconds);
  const int family = raw_link->family();
  server_ = endpoint_open(family, kRegionBytes);
  client_ = endpoint_open(family, kRegionBytes);
  ASSERT_EQ(endpoint_bind(&server_, family, kServerPort), 0) << strerror(errno);
  client_port_ = endpoint_port(&client_);
  const timeval patience = {kPatienceMs / 1000, 0};
  for (const endpoint& ep : {server_, client_})
    ASSERT_EQ(setsockopt(ep.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
  self_ = raw_link->host(kSelf);
  peer_ = raw_link->host(next_host);
  next_host = next_host + 1 < kHosts ? next_host + 1 : kFirstHost;
  settle();
  before_ = read_metrics();
}

void PacketTest::TearDown() {
  endpoint_close(&client_);
  endpoint_close(&server_);
  alarm(0);
}

void PacketTest::send_from(const Address& from, const Bytes& packet) {
  raw_link->send(from, self_, kHomaProtocol, packet);
}

void PacketTest::refuse(const IcmpError& error, const Address& to, const Bytes& packet,
                        std::size_t quoted) {
  Bytes message(8);
  message[0] = error.type;
  message[1] = error.code;
  const Bytes header = raw_link->ip_header(self_, to, kHomaProtocol, packet.size());
  message.insert(message.end(), header.begin(), header.end());
  const Bytes start = cut(packet, quoted);
  message.insert(message.end(), start.begin(), start.end());
  const int protocol = raw_link->family() == AF_INET ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  raw_link->send_checked(peer_, self_, static_cast<std::uint8_t>(protocol), message, 2);
}

// Packets keep their order, so the answer to the last one says that all are handled.
std::vector<Frame> PacketTest::settle() {
  const std::uint64_t id = (std::uint64_t{1} << 60) + 2 * next_fence++ + 1;
  raw_link->send(raw_link->host(kFenceHost), self_, kHomaProtocol,
                 resend_packet({kRawPort, client_port_, id}, 0, 1));
  std::vector<Frame> seen;
  for (;;) {
    auto frame = raw_link->receive(kPatienceMs);
    if (!frame) {
      ADD_FAILURE() << "the module does not answer";
      return seen;
    }
    if (is(*frame, HOMA_RPC_UNKNOWN, id ^ 1)) return seen;
    seen.push_back(*frame);
  }
}

Frame PacketTest::await(const std::function<bool(const Frame&)>& wanted, const char* what) {
  for (;;) {
    auto frame = raw_link->receive(kPatienceMs);
    if (!frame) throw std::runtime_error(std::string("not sent: ") + what);
    if (wanted(*frame)) return *frame;
  }
}

Frame PacketTest::await(int type, std::uint64_t sender_id) {
  const std::string what = "type " + std::to_string(type) + " of " + std::to_string(sender_id);
  return await([&](const Frame& frame) { return is(frame, type, sender_id); }, what.c_str());
}

std::uint64_t PacketTest::new_id() { return next_id += 2; }

void PacketTest::send_request(std::uint64_t id, std::uint32_t length, std::uint32_t from,
                              std::uint32_t to) {
  for (; from < to; from += kPacketBytes)
    send(data_packet(to_server(id),
                     {length, from, pattern_bytes(from, std::min(to, from + kPacketBytes))}));
}

std::uint64_t PacketTest::open_request() {
  const std::uint64_t id = new_id();
  received r = {};
  send_request(id, 10, 0, 10);
  EXPECT_EQ(take(server_, r), pattern_bytes(0, 10));
  EXPECT_EQ(r.args.id, id | 1);
  return id;
}

std::uint64_t PacketTest::client_request(std::size_t length) {
  const auto to = socket_address(peer_, kRawPort);
  const Bytes message = pattern_bytes(0, length);
  homa_sendmsg_args args = {};
  EXPECT_EQ(endpoint_request(&client_, &to, message.data(), length, &args, 0), 0)
      << strerror(errno);
  return args.id;
}

Bytes PacketTest::take(endpoint& ep, received& r) {
  if (endpoint_receive(&ep, 0, 0, &r) < 0) {
    ADD_FAILURE() << "recvmsg: " << strerror(errno);
    for (const auto& [name, value] : read_metrics())
      if (value != before_[name]) std::cerr << name << " +" << value - before_[name] << '\n';
    return {};
  }
  Bytes out(static_cast<std::size_t>(r.length));
  endpoint_copy(&ep, &r, out.data());
  return out;
}

bool PacketTest::nothing_for(endpoint& ep) {
  received r = {};
  settle();
  return endpoint_receive(&ep, 0, MSG_DONTWAIT, &r) < 0 && errno == EAGAIN;
}

void PacketTest::reply(std::uint64_t id, std::size_t length) {
  const auto to = socket_address(peer_, kRawPort);
  const Bytes message = pattern_bytes(0, length);
  ASSERT_EQ(endpoint_reply(&server_, &to, message.data(), length, id | 1), 0) << strerror(errno);
}

unsigned PacketTest::rpcs(const endpoint& ep) {
  homa_info info = {};
  EXPECT_EQ(ioctl(ep.fd, HOMAIOCINFO, &info), 0) << strerror(errno);
  return info.num_rpcs;
}

void PacketTest::await_rpcs(const endpoint& ep, unsigned count) {
  for (int ms = 0; rpcs(ep) != count && ms < kPatienceMs; ms++) usleep(1000);
  EXPECT_EQ(rpcs(ep), count);
}

union endpoint_addr PacketTest::socket_address(const Address& host, std::uint16_t port) const {
  union endpoint_addr out = {};
  out.sa.sa_family = static_cast<sa_family_t>(raw_link->family());
  if (raw_link->family() == AF_INET)
    std::memcpy(&out.in4.sin_addr, host.data(), 4);
  else
    std::memcpy(&out.in6.sin6_addr, host.data(), 16);
  endpoint_set_port(&out, port);
  return out;
}

std::uint64_t PacketTest::counted(const std::string& name) {
  Metrics now = read_metrics();
  EXPECT_TRUE(now.count(name)) << "no counter " << name;
  return now[name] - before_[name];
}

bool is(const Frame& frame, int type, std::uint64_t sender_id) {
  if (frame.protocol != kHomaProtocol) return false;
  const auto h = header<homa_common_hdr>(frame.bytes);
  return h.type == type && host64(h.sender_id) == sender_id;
}

std::vector<Frame> of(const std::vector<Frame>& frames, int type, std::uint64_t sender_id) {
  std::vector<Frame> out;
  for (const Frame& frame : frames)
    if (is(frame, type, sender_id)) out.push_back(frame);
  return out;
}

bool is_port_unreachable(const Frame& frame) {
  if (frame.protocol == IPPROTO_ICMP)
    return frame.bytes.at(0) == ICMP_DEST_UNREACH && frame.bytes.at(1) == ICMP_PORT_UNREACH;
  return frame.protocol == IPPROTO_ICMPV6 && frame.bytes.at(0) == ICMP6_DST_UNREACH &&
         frame.bytes.at(1) == ICMP6_DST_UNREACH_NOPORT;
}

void expect_range(const std::vector<Frame>& data, std::size_t from, std::size_t to,
                  bool retransmit) {
  std::size_t at = from;
  for (const Frame& frame : data) {
    const auto h = header<homa_data_hdr>(frame.bytes);
    const std::size_t bytes = frame.bytes.size() - sizeof(h);
    EXPECT_EQ(ntohl(h.seg_offset), at);
    EXPECT_EQ(ntohl(h.common.sequence), at);
    EXPECT_EQ(h.retransmit, retransmit);
    EXPECT_EQ(Bytes(frame.bytes.begin() + sizeof(h), frame.bytes.end()),
              pattern_bytes(at, at + bytes));
    at += bytes;
  }
  EXPECT_EQ(at, to);
}
