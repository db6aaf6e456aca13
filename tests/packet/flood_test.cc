// SPDX-License-Identifier: Apache-2.0
// Thousands of hosts that do not exist, each with one packet: what they make the
// module keep is bounded, and real hosts are served meanwhile and afterwards.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "fixture.h"

namespace {

constexpr unsigned kStrangers = 4000, kRound = 100;
constexpr std::uint64_t kMostPeers = 600;
constexpr unsigned kFewPeers = 20;
constexpr int kTries = 1000;

class FloodTest : public PacketTest {
 protected:
  // Behind routes of its own, see packet.sh.
  Address stranger(unsigned number) const {
    const auto high = static_cast<std::uint8_t>(number >> 8), low = static_cast<std::uint8_t>(number);
    if (raw_link->family() == AF_INET) return {10, 64, high, low};
    return {0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, high, low};
  }

  std::uint64_t peers() {
    Metrics now = read_metrics();
    return now["peer_allocs"] - now["peer_frees"];
  }

  void flood(unsigned number) {
    const Address from = stranger(number);
    const std::uint64_t id = new_id();
    Data part = {2000, 0, Bytes(1000, 0x77)};
    part.incoming = 1000;  // asks for grants
    switch (number % 8) {
      case 0: send_from(from, data_packet(to_server(id), {10, 0, Bytes(10, 0x77)})); break;
      case 1: send_from(from, data_packet(to_server(id), part)); break;
      case 2: send_from(from, resend_packet(to_server(id), 0, 100)); break;
      case 3: send_from(from, plain_packet(to_client(id), HOMA_NEED_ACK)); break;
      case 4: send_from(from, cutoffs_packet(to_client(id), {1, 2, 3}, 7)); break;
      case 5: send_from(from, cut(data_packet(to_server(id), part), id % 1056)); break;
      case 6: send_from(from, data_packet({kRawPort, 7, id}, part)); break;
      default:
        if (raw_link->family() == AF_INET)
          refuse({ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0}, from, data_packet({client_port_, kRawPort, id}, part));
        else
          refuse({ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, 0}, from,
                 data_packet({client_port_, kRawPort, id}, part));
    }
  }

  // The server's message @id of @from, after those of strangers, which it answers too.
  void take_from(const Address& from, std::uint64_t id) {
    const auto expected = socket_address(from, kRawPort);
    received r = {};
    for (;;) {
      if (take(server_, r).empty()) return;
      if (r.args.id == (id | 1) && !std::memcmp(&r.from, &expected, endpoint_addr_bytes(&expected)))
        return;
      answer(r);
    }
  }
  void answer(const received& r) {
    EXPECT_EQ(endpoint_reply(&server_, &r.from, "answer", 6, r.args.id), 0) << strerror(errno);
  }

  // An RPC of a host that exists, each way.
  void serve(const Address& host) {
    const std::uint64_t id = new_id();
    send_from(host, data_packet(to_server(id), {10, 0, pattern_bytes(0, 10)}));
    take_from(host, id);
    const auto to = socket_address(host, kRawPort);
    EXPECT_EQ(endpoint_reply(&server_, &to, "answer", 6, id | 1), 0) << strerror(errno);
    EXPECT_EQ(of(settle(), HOMA_DATA, id | 1).size(), 1u);
    send_from(host, ack_packet(to_server(id)));
  }
  void ask(const Address& host) {
    const auto to = socket_address(host, kRawPort);
    homa_sendmsg_args args = {};
    ASSERT_EQ(endpoint_request(&client_, &to, "question", 8, &args, 0), 0) << strerror(errno);
    send_from(host, data_packet(to_client(args.id), {10, 0, pattern_bytes(0, 10)}));
    received r = {};
    EXPECT_EQ(take(client_, r), pattern_bytes(0, 10));
    EXPECT_EQ(r.args.id, args.id);
  }

  // A host that nobody knows asks until it has a place, as clients do. Return: false if it gets none.
  bool gets_in(const Address& host) {
    const auto expected = socket_address(host, kRawPort);
    const std::uint64_t id = new_id();
    received r = {};
    for (int tries = 0; tries < kTries; tries++) {
      send_from(host, data_packet(to_server(id), {10, 0, pattern_bytes(0, 10)}));
      settle();
      while (endpoint_receive(&server_, 0, MSG_DONTWAIT, &r) >= 0) {
        answer(r);
        if (r.args.id == (id | 1) && !std::memcmp(&r.from, &expected, endpoint_addr_bytes(&expected))) {
          send_from(host, ack_packet(to_server(id)));
          return true;
        }
      }
      usleep(20000);
    }
    return false;
  }
};

TEST_F(FloodTest, HostsThatDoNotExist) {
  Setting patience("resend_ticks", "10000"), never("resend_idle_usecs", "0");  // what is missing is not asked for
  ask(peer_);
  ask(raw_link->host(kFenceHost));  // who has answered stays
  Setting most("peer_net_max", std::to_string(kMostPeers));
  const std::uint64_t limit = std::max(kMostPeers, peers());  // with those of other cases
  for (unsigned number = 0; number < kStrangers; number++) {
    flood(number);
    if (number % kRound) continue;
    serve(peer_);
    ask(peer_);
    ASSERT_FALSE(HasFailure()) << "after " << number;
    EXPECT_LE(peers(), limit);
    EXPECT_LE(rpcs(server_), limit);
  }
  settle();
  EXPECT_GT(counted("server_cant_create_rpcs"), 0u);
  for (const char* why : {"NO_RPC", "SHORT", "NO_SOCKET", "NO_MEMORY"})
    EXPECT_GT(counted(std::string("drop_") + why), 0u) << why;
  // What strangers began ends by itself.
  Setting timeout("timeout_ticks", "20");
  received r = {};
  while (endpoint_receive(&server_, 0, MSG_DONTWAIT, &r) > 0) answer(r);
  await_rpcs(server_, 0);
  // Hosts that never answered do not keep a new one out.
  EXPECT_TRUE(gets_in(stranger(60000)));
  EXPECT_EQ(rpcs(client_), 0u);
}

// Strangers have all places, and do not let go: a new host gets one all the same.
TEST_F(FloodTest, EveryPeerInUse) {
  Setting patience("resend_ticks", "10000"), never("resend_idle_usecs", "0");
  ask(raw_link->host(kFenceHost));
  Setting most("peer_net_max", std::to_string(kFewPeers));
  unsigned next = 10000;  // strangers of this case
  std::vector<std::pair<Address, std::uint64_t>> acquainted;
  const auto strangers = [&](unsigned count, const Data& data) {
    acquainted.clear();
    for (unsigned i = 0; i < count; i++) {
      acquainted.emplace_back(stranger(next++), new_id());
      send_from(acquainted.back().first, data_packet(to_server(acquainted.back().second), data));
    }
    settle();
  };

  // With parts of requests, when hosts of other cases have gone.
  const Data part = {2000, 0, Bytes(1000, 0x77)};
  {
    Setting timeout("timeout_ticks", "100"), idle("peer_idle_secs_min", "1");
    usleep(1500000);
    for (int rounds = 0; peers() > kFewPeers && rounds < kTries; rounds++) strangers(kFewPeers, part);
    ask(raw_link->host(kFenceHost));
  }
  Setting idle("peer_idle_secs_min", "10000");
  strangers(4 * kFewPeers, part);
  EXPECT_GT(counted("drop_NO_MEMORY"), 0u);
  EXPECT_TRUE(gets_in(stranger(next++)));

  // With requests that were answered and acknowledged: anybody can do that, too.
  Setting timeout("timeout_ticks", "100");  // and so long they are remembered, ten times
  strangers(4 * kFewPeers, {10, 0, Bytes(10, 0x77)});
  received r = {};
  while (endpoint_receive(&server_, 0, MSG_DONTWAIT, &r) >= 0) answer(r);
  for (const auto& [host, id] : acquainted) send_from(host, ack_packet(to_server(id)));
  EXPECT_TRUE(gets_in(stranger(next++)));

  // With requests that the application has: these stay, and nobody else gets in.
  std::vector<received> taken;
  int error = 0;
  for (int tries = 0; tries < kTries && (!error || taken.size() < kFewPeers / 2); tries++) {
    strangers(kFewPeers, {10, 0, Bytes(10, 0x77)});
    while (endpoint_receive(&server_, 0, MSG_DONTWAIT, &r) >= 0) taken.push_back(r);
    const auto to = socket_address(stranger(next++), kRawPort);
    homa_sendmsg_args args = {};
    homa_abort_args all = {};
    if (endpoint_request(&client_, &to, "question", 8, &args, 0)) error = errno;
    EXPECT_EQ(ioctl(client_.fd, HOMAIOCABORT, &all), 0);
    usleep(20000);
  }
  EXPECT_EQ(error, ENOBUFS);
  EXPECT_GE(taken.size(), kFewPeers / 2);
  for (const received& request : taken) answer(request);
  await_rpcs(server_, 0);
  EXPECT_TRUE(gets_in(stranger(next++)));
}

}  // namespace
