// SPDX-License-Identifier: Apache-2.0
// Thousands of hosts that do not exist, each with one packet: what they make the
// module keep is bounded, and real hosts are served meanwhile and afterwards.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>

#include <algorithm>

#include "fixture.h"

namespace {

constexpr unsigned kStrangers = 4000, kRound = 100;
constexpr std::uint64_t kMostPeers = 600;
constexpr unsigned kTries = 20;  // of a client, by default
constexpr int kAgainMs = 50;

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

  // An RPC of a host that exists, each way. It asks @tries times while nothing comes.
  void serve(const Address& host, unsigned tries = 1) {
    const std::uint64_t id = new_id();
    const auto request = data_packet(to_server(id), {10, 0, pattern_bytes(0, 10)});
    pollfd wait = {server_.fd, POLLIN, 0};
    send_from(host, request);
    while (--tries && poll(&wait, 1, kAgainMs) == 0) send_from(host, request);
    take_from(host, id);
    const auto to = socket_address(host, kRawPort);
    EXPECT_EQ(endpoint_reply(&server_, &to, "answer", 6, id | 1), 0) << strerror(errno);
    EXPECT_EQ(of(settle(), HOMA_DATA, id | 1).size(), 1u);
    send_from(host, ack_packet(to_server(id)));
  }
  void ask() {
    const std::uint64_t id = client_request(10);
    send(data_packet(to_client(id), {10, 0, pattern_bytes(0, 10)}));
    received r = {};
    EXPECT_EQ(take(client_, r), pattern_bytes(0, 10));
    EXPECT_EQ(r.args.id, id);
  }
};

TEST_F(FloodTest, HostsThatDoNotExist) {
  Setting patience("resend_ticks", "10000"), never("resend_idle_usecs", "0");  // what is missing is not asked for
  serve(peer_);
  serve(raw_link->host(kFenceHost));
  Setting most("peer_net_max", std::to_string(kMostPeers));
  const std::uint64_t limit = std::max(kMostPeers, peers());  // with those of other cases
  for (unsigned number = 0; number < kStrangers; number++) {
    flood(number);
    if (number % kRound) continue;
    serve(peer_);
    ask();
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
  // Hosts that never answered do not keep a new one out for as long as a client asks.
  serve(stranger(60000), kTries);
  EXPECT_EQ(rpcs(client_), 0u);
}

}  // namespace
