// SPDX-License-Identifier: Apache-2.0
// Packets of every type to RPCs in every state, and packets in odd clothes.
#include <arpa/inet.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "fixture.h"

namespace {

class StateTest : public PacketTest {
 protected:
  // A packet of each type for @route that a peer of this side could send, except those
  // that end the RPC.
  std::vector<Bytes> harmless(const Route& route, bool to_server) {
    std::vector<Bytes> out = {
        grant_packet(route, 0, 7),
        grant_packet(route, 0xffffffff, 255),
        resend_packet(route, 0, HOMA_RESEND_ALL, 255),
        resend_packet(route, 0, 1, 0),
        resend_packet(route, HOMA_MAX_MESSAGE_LENGTH - 1, 1),
        plain_packet(route, HOMA_BUSY),
        cutoffs_packet(route, {0xffffffff, 0, 0, 0, 0xffffffff, 0, 0, 1}, 9),
        plain_packet(route, HOMA_FREEZE),
        // Not allowed in this direction.
        to_server ? plain_packet(route, HOMA_NEED_ACK) : ack_packet(route, {{route.sender_id ^ 1, kRawPort}}),
    };
    if (!to_server) {
      out.push_back(plain_packet(route, HOMA_NEED_ACK));
      out.push_back(plain_packet(route, HOMA_RPC_UNKNOWN));
    }
    return out;
  }

  void pester(const Route& route, bool to_server) {
    for (const Bytes& packet : harmless(route, to_server))
      for (int times = 0; times < 2; times++) send(packet);
    settle();
  }

  homa_rpc_info info_of(const endpoint& ep) {
    homa_rpc_info rpc = {};
    homa_info info = {};
    info.rpc_info = reinterpret_cast<std::uintptr_t>(&rpc);
    info.rpc_info_length = sizeof(rpc);
    EXPECT_EQ(ioctl(ep.fd, HOMAIOCINFO, &info), 0);
    EXPECT_EQ(info.num_rpcs, 1u);
    return rpc;
  }
};

TEST_F(StateTest, Server) {
  const std::uint64_t id = new_id();
  received r = {};
  pester(to_server(id), true);  // not there yet
  EXPECT_EQ(rpcs(server_), 0u);
  send_request(id, 5000, 0, 1400);
  pester(to_server(id), true);
  EXPECT_TRUE(nothing_for(server_));
  send_request(id, 5000, 1400, 5000);
  pester(to_server(id), true);  // complete, not fetched
  EXPECT_EQ(take(server_, r), pattern_bytes(0, 5000));
  pester(to_server(id), true);  // in service
  reply(id, 100000);
  settle();
  pester(to_server(id), true);
  EXPECT_EQ(rpcs(server_), 1u);
  EXPECT_TRUE(nothing_for(server_));
  send(resend_packet(to_server(id), 0, HOMA_RESEND_ALL));
  expect_range(of(settle(), HOMA_DATA, id | 1), 0, 100000, true);
  send(ack_packet(to_server(id)));
  settle();
  EXPECT_EQ(rpcs(server_), 0u);
  pester(to_server(id), true);  // over
  EXPECT_TRUE(nothing_for(server_));
  EXPECT_EQ(counted("server_requests_started"), 1u);
}

TEST_F(StateTest, Client) {
  received r = {};
  pester(to_client(new_id()), false);  // never there
  const std::uint64_t id = client_request(100000);
  settle();
  pester(to_client(id), false);
  EXPECT_TRUE(nothing_for(client_));
  send(data_packet(to_client(id), {2000, 0, pattern_bytes(0, 1000)}));
  pester(to_client(id), false);
  EXPECT_TRUE(nothing_for(client_));
  send(data_packet(to_client(id), {2000, 1000, pattern_bytes(1000, 2000)}));
  pester(to_client(id), false);
  EXPECT_EQ(take(client_, r), pattern_bytes(0, 2000));
  EXPECT_EQ(r.args.id, id);
  pester(to_client(id), false);
  EXPECT_EQ(rpcs(client_), 0u);
  EXPECT_TRUE(nothing_for(client_));
}

// Fields that receivers ignore, whatever is in them.
TEST_F(StateTest, IgnoredFields) {
  received r = {};
  for (int way = 0; way < 3; way++) {
    const std::uint8_t fill = static_cast<std::uint8_t>(way == 0 ? 0x00 : way == 1 ? 0xff : 0x5a);
    const std::uint64_t id = new_id();
    Bytes packet = data_packet(to_server(id), {100, 0, pattern_bytes(0, 100)});
    for (std::size_t at : {4, 5, 6, 7,       // sequence, the offset being in seg_offset
                           8, 9, 10,         // TCP ack
                           12, 13, 14, 15,   // doff, flags, window
                           16, 17, 18, 19,   // checksum, urgent
                           49, 50, 51})      // padding
      packet[at] = fill;
    send(packet);
    EXPECT_EQ(take(server_, r), pattern_bytes(0, 100));
    EXPECT_EQ(r.args.id, id | 1);
  }
}

TEST_F(StateTest, IncomingIsClamped) {
  for (std::uint32_t incoming : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    const std::uint64_t id = new_id();
    Data data = {100000, 0, pattern_bytes(0, 1000)};
    data.incoming = incoming;
    send(data_packet(to_server(id), data));
    const auto frames = settle();
    const homa_rpc_info rpc = info_of(server_);
    EXPECT_GE(rpc.rx_granted, 1000u);
    EXPECT_LE(rpc.rx_granted, 100000u);
    // Who sends less than all of it needs grants; what is negative to some is up to us.
    if (incoming < 0x80000000u) {
      EXPECT_EQ(of(frames, HOMA_GRANT, id | 1).empty(), incoming >= 100000u);
    }
    send(plain_packet(to_server(id), HOMA_RPC_UNKNOWN));
    settle();
  }
}

// A frame of Ethernet is longer than a short packet in it.
TEST_F(StateTest, Padding) {
  const std::uint64_t id = new_id();
  received r = {};
  const Bytes homa = data_packet(to_server(id), {2, 0, pattern_bytes(0, 1)});
  Bytes packet = raw_link->ip_header(peer_, self_, kHomaProtocol, homa.size());
  packet.insert(packet.end(), homa.begin(), homa.end());
  raw_link->send_ip(packet, 20);
  EXPECT_TRUE(nothing_for(server_));
  send(data_packet(to_server(id), {2, 1, pattern_bytes(1, 2)}));
  EXPECT_EQ(take(server_, r), pattern_bytes(0, 2));
}

// The IP header promises more than there is: IP drops it, we never see it.
TEST_F(StateTest, CutByTheNetwork) {
  const Bytes homa = data_packet(to_server(new_id()), {100, 0, pattern_bytes(0, 100)});
  Bytes packet = raw_link->ip_header(peer_, self_, kHomaProtocol, homa.size() + 1);
  packet.insert(packet.end(), homa.begin(), homa.end());
  raw_link->send_ip(packet);
  EXPECT_TRUE(nothing_for(server_));
  EXPECT_EQ(counted("packets_rcvd_DATA"), 0u);
}

// Nobody sends fragments, but IP puts them together: the packet is in several pieces then.
TEST_F(StateTest, Fragments) {
  if (raw_link->family() != AF_INET) GTEST_SKIP() << "for IPv4";
  constexpr std::uint16_t kMore = 0x2000;
  received r = {};
  for (std::size_t first : {8, 32, 56, 400}) {  // within the header and behind it
    const Bytes homa = data_packet(to_server(new_id()), {1000, 0, pattern_bytes(0, 1000)});
    for (std::size_t at = 0; at < homa.size(); at += first) {
      const std::size_t end = std::min(at + first, homa.size());
      Bytes packet = raw_link->ip_header(
          peer_, self_, kHomaProtocol, end - at,
          static_cast<std::uint16_t>((end < homa.size() ? kMore : 0) | at / 8));
      packet.insert(packet.end(), homa.begin() + static_cast<std::ptrdiff_t>(at),
                    homa.begin() + static_cast<std::ptrdiff_t>(end));
      raw_link->send_ip(packet);
    }
    EXPECT_EQ(take(server_, r), pattern_bytes(0, 1000));
  }
}

// Options of IPv6 lie before the Homa header.
TEST_F(StateTest, ExtensionHeaders) {
  if (raw_link->family() != AF_INET6) GTEST_SKIP() << "for IPv6";
  received r = {};
  for (std::uint8_t kind : {IPPROTO_HOPOPTS, IPPROTO_DSTOPTS}) {
    const std::uint64_t id = new_id();
    const Bytes homa = data_packet(to_server(id), {100, 0, pattern_bytes(0, 100)});
    Bytes options = {kHomaProtocol, 0, 1, 4, 0, 0, 0, 0};  // padding of six bytes
    options.insert(options.end(), homa.begin(), homa.end());
    raw_link->send(peer_, self_, kind, options);
    EXPECT_EQ(take(server_, r), pattern_bytes(0, 100));
    EXPECT_EQ(r.args.id, id | 1);
  }
}

// A socket gets packets of the IP version it speaks; a socket of IPv6 speaks IPv4 too.
TEST_F(StateTest, OtherFamily) {
  constexpr std::uint16_t kPort = 98;
  const bool v4 = raw_link->family() == AF_INET;
  endpoint other = endpoint_open(v4 ? AF_INET6 : AF_INET, kRegionBytes);
  ASSERT_EQ(endpoint_bind(&other, v4 ? AF_INET6 : AF_INET, kPort), 0);
  received r = {};
  send(data_packet({kRawPort, kPort, new_id()}, {10, 0, pattern_bytes(0, 10)}));
  if (v4) {
    EXPECT_EQ(take(other, r), pattern_bytes(0, 10));
    EXPECT_EQ(r.from.sa.sa_family, AF_INET6);
    EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&r.from.in6.sin6_addr));
  } else {
    await(is_port_unreachable, "ICMP port unreachable");
    EXPECT_EQ(counted("drop_NO_SOCKET"), 1u);
    EXPECT_TRUE(nothing_for(other));
  }
  endpoint_close(&other);
}

// Behind a TCP header's protocol number Homa is TCP's business: nothing is taken from it.
TEST_F(StateTest, InsideTcp) {
  raw_link->send(peer_, self_, IPPROTO_TCP,
                 data_packet(to_server(new_id()), {10, 0, pattern_bytes(0, 10)}));
  EXPECT_TRUE(nothing_for(server_));
  EXPECT_EQ(counted("packets_rcvd_DATA"), 0u);
}

}  // namespace
