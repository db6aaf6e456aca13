// SPDX-License-Identifier: Apache-2.0
// What every case has: a serving socket, a client socket, and a host of its
// own at the other end of the cable.
#ifndef TESTS_PACKET_FIXTURE_H
#define TESTS_PACKET_FIXTURE_H

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "endpoint.h"
#include "homa_packet.h"
#include "raw_link.h"

constexpr std::uint16_t kServerPort = 99;
constexpr std::uint16_t kRawPort = 40000;  // of our hosts, whatever they play
constexpr unsigned kFenceHost = 3;          // asks whether all is handled
constexpr std::uint8_t kHomaProtocol = IPPROTO_HOMA;
constexpr std::uint32_t kPacketBytes = 1400;
constexpr std::size_t kRegionBytes = 64 * HOMA_BPAGE_SIZE;

// Set by main().
extern RawLink* raw_link;
extern unsigned fuzz_packets;
constexpr std::uint64_t kFuzzSeed = 20260701;
extern std::uint64_t fuzz_seed;

// Counters of /proc/net/homa_metrics, summed over the CPUs.
using Metrics = std::map<std::string, std::uint64_t>;
Metrics read_metrics();

// Writes net.homa.NAME, and the old value at the end of the scope.
class Setting {
 public:
  Setting(const std::string& name, const std::string& value);
  ~Setting();
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  std::string path_, old_;
};

// One kind of ICMP error and the errno it means to a client, 0: nothing.
struct IcmpError {
  std::uint8_t type, code;
  int error;
};

class PacketTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // From our host to the module's.
  void send(const Bytes& packet) { send_from(peer_, packet); }
  void send_from(const Address& from, const Bytes& packet);

  // Our host sends an error about @packet, which the module sent to @to; @quoted bytes of it come back.
  void refuse(const IcmpError& error, const Address& to, const Bytes& packet,
              std::size_t quoted = 28);

  // Everything the module sent until it has handled all we sent.
  std::vector<Frame> settle();
  // Takes what the module sends until a Homa packet satisfies @wanted.
  Frame await(const std::function<bool(const Frame&)>& wanted, const char* what);
  Frame await(int type, std::uint64_t sender_id);

  // Route of a packet of ours: as the client of RPC @id at the serving socket,
  // or as the server of the client socket's RPC @id.
  Route to_server(std::uint64_t id) const { return {kRawPort, kServerPort, id}; }
  Route to_client(std::uint64_t id) const { return {kRawPort, client_port_, id | 1}; }
  std::uint64_t new_id();

  // Sends bytes [from, to) of a message of @length to the serving socket, in
  // packets of at most kPacketBytes.
  void send_request(std::uint64_t id, std::uint32_t length, std::uint32_t from, std::uint32_t to);
  // A whole request of 10 bytes, which the server has received.
  std::uint64_t open_request();
  // The client socket's request of @length bytes to our host; returns its id.
  std::uint64_t client_request(std::size_t length);

  // The message the server or client has, which must be complete.
  Bytes take(endpoint& ep, received& r);
  bool nothing_for(endpoint& ep);
  void reply(std::uint64_t id, std::size_t length);
  unsigned rpcs(const endpoint& ep);
  void await_rpcs(const endpoint& ep, unsigned count);
  union endpoint_addr socket_address(const Address& host, std::uint16_t port) const;

  // How often @name was counted since the case began.
  std::uint64_t counted(const std::string& name);

  endpoint server_ = {-1, nullptr, 0}, client_ = {-1, nullptr, 0};
  std::uint16_t client_port_;
  Address peer_, self_;
  Metrics before_;
};

// All Homa packets of a type and RPC in @frames.
std::vector<Frame> of(const std::vector<Frame>& frames, int type, std::uint64_t sender_id);
bool is(const Frame& frame, int type, std::uint64_t sender_id);
bool is_port_unreachable(const Frame& frame);

// Lengths and places of DATA packets, checked against the pattern: covers
// [from, to) exactly once, in order.
void expect_range(const std::vector<Frame>& data, std::size_t from, std::size_t to,
                  bool retransmit);

#endif
