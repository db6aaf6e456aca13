// SPDX-License-Identifier: Apache-2.0
// We are the client, packet by packet; the module is the server.
#include <arpa/inet.h>

#include <algorithm>

#include "fixture.h"

namespace {

class ServerTest : public PacketTest {};

std::vector<Frame> data_of(const std::vector<Frame>& frames, std::uint64_t id) {
  return of(frames, HOMA_DATA, id | 1);
}

TEST_F(ServerTest, OffsetInEitherPlace) {
  received r = {};
  for (int way = 0; way < 3; way++) {
    const std::uint64_t id = new_id();
    for (std::uint32_t at = 0; at < 3000; at += 1000) {
      Data data = {3000, at, pattern_bytes(at, at + 1000)};
      if (way == 1) data.seg_offset = HOMA_OFFSET_IN_SEQUENCE;
      if (way == 2) data.sequence = 77;
      send(data_packet(to_server(id), data));
    }
    EXPECT_EQ(take(server_, r), pattern_bytes(0, 3000));
    EXPECT_EQ(r.args.id, id | 1);
    EXPECT_EQ(endpoint_get_port(&r.from), kRawPort);
  }
}

TEST_F(ServerTest, AnyOrderAnyBoundaries) {
  const std::uint64_t id = new_id();
  received r = {};
  const std::pair<std::uint32_t, std::uint32_t> ranges[] = {
      {4000, 5000}, {2000, 3000}, {2000, 3000}, {2500, 3900}, {3500, 4500}, {0, 100}, {50, 1400}, {1300, 2100}};
  for (auto [from, to] : ranges) send_request(id, 5000, from, to);
  EXPECT_EQ(take(server_, r), pattern_bytes(0, 5000));
  EXPECT_EQ(counted("drop_DUPLICATE"), 1u);
}

// What devices pass on unsegmented, in both shapes it may have. A veth device makes bundles only
// of what came from one without segmentation offload, which cuts the first shape as well.
TEST_F(ServerTest, SuperPacket) {
  constexpr std::uint32_t kLength = 40000, kSegment = 1400, kSegments = 29;
  received r = {};
  Bytes packet = data_packet(to_server(new_id()), {kLength, 0, pattern_bytes(0, kLength)});
  raw_link->send_super(peer_, self_, kHomaProtocol, packet, kSegment);
  EXPECT_EQ(take(server_, r), pattern_bytes(0, kLength));
  const std::uint64_t plain = raw_link->cuts() ? kSegments : 1u;
  EXPECT_EQ(counted("packets_rcvd_DATA"), plain);

  packet = gso_packet(to_server(new_id()), kLength, kSegment);
  raw_link->send_super(peer_, self_, kHomaProtocol, packet, kSegment + sizeof(std::uint32_t));
  EXPECT_EQ(take(server_, r), pattern_bytes(0, kLength));
  EXPECT_EQ(counted("packets_rcvd_DATA"), plain + kSegments);
}

TEST_F(ServerTest, Reply) {
  const std::uint64_t id = open_request();
  reply(id, 3000);
  const auto data = data_of(settle(), id);
  expect_range(data, 0, 3000, false);
  for (const Frame& frame : data) {
    const auto h = header<homa_data_hdr>(frame.bytes);
    EXPECT_EQ(ntohs(h.common.sport), kServerPort);
    EXPECT_EQ(ntohs(h.common.dport), kRawPort);
    EXPECT_EQ(h.common.doff, HOMA_DOFF_DATA);
    EXPECT_EQ(h.common.flags, HOMA_TCP_FLAGS);
    EXPECT_EQ(ntohs(h.common.urgent), HOMA_TCP_URGENT);
    EXPECT_EQ(ntohl(h.message_length), 3000u);
    EXPECT_EQ(ntohl(h.incoming), 3000u);
    EXPECT_EQ(frame.traffic_class & 0x1f, 0);
  }
}

TEST_F(ServerTest, ResendOfUnknown) {
  const std::uint64_t id = new_id();
  send(resend_packet(to_server(id), 0, HOMA_RESEND_ALL));
  const auto unknown = of(settle(), HOMA_RPC_UNKNOWN, id | 1);
  ASSERT_EQ(unknown.size(), 1u);
  EXPECT_EQ(unknown[0].bytes.size(), sizeof(homa_common_hdr));
  const auto h = header<homa_common_hdr>(unknown[0].bytes);
  EXPECT_EQ(ntohs(h.sport), kServerPort);
  EXPECT_EQ(ntohs(h.dport), kRawPort);
  EXPECT_EQ(h.doff, HOMA_DOFF_CONTROL);
}

TEST_F(ServerTest, ResendBeforeReply) {
  const std::uint64_t incomplete = new_id();
  send_request(incomplete, 3000, 0, 1000);
  send(resend_packet(to_server(incomplete), 0, HOMA_RESEND_ALL));
  EXPECT_EQ(of(settle(), HOMA_BUSY, incomplete | 1).size(), 1u);
  send_request(incomplete, 3000, 1000, 3000);
  received r = {};
  take(server_, r);
  send(resend_packet(to_server(incomplete), 0, HOMA_RESEND_ALL));
  EXPECT_EQ(of(settle(), HOMA_BUSY, incomplete | 1).size(), 1u);
}

TEST_F(ServerTest, ResendOfReply) {
  const std::uint64_t id = open_request();
  reply(id, 5000);
  settle();
  const auto again = [&](const Bytes& packet) {
    send(packet);
    return data_of(settle(), id);
  };
  expect_range(again(resend_packet(to_server(id), 0, HOMA_RESEND_ALL)), 0, 5000, true);
  expect_range(again(cut(resend_packet(to_server(id), 0, HOMA_RESEND_ALL), 36)), 0, 5000, true);
  expect_range(again(longer(resend_packet(to_server(id), 0, 5000), 20)), 0, 5000, true);
  const auto part = again(resend_packet(to_server(id), 1000, 500, 255));
  ASSERT_FALSE(part.empty());
  EXPECT_LE(ntohl(header<homa_data_hdr>(part.front().bytes).seg_offset), 1000u);
  for (const Frame& frame : part)
    EXPECT_EQ(ntohl(header<homa_data_hdr>(frame.bytes).incoming), 1500u);
  EXPECT_TRUE(again(resend_packet(to_server(id), 0, 0)).empty());
  EXPECT_TRUE(again(resend_packet(to_server(id), 9000, 100)).empty());
}

TEST_F(ServerTest, GrantsOfTheClient) {
  const std::uint64_t id = open_request();
  reply(id, 200000);
  auto sent_to = [&](const Bytes& packet) {
    send(packet);
    std::size_t bytes = 0;
    for (const Frame& frame : data_of(settle(), id))
      bytes += frame.bytes.size() - sizeof(homa_data_hdr);
    return bytes;
  };
  expect_range(data_of(settle(), id), 0, 40000, false);
  const std::size_t first = sent_to(grant_packet(to_server(id), 100000, 3));
  EXPECT_GE(first, 60000u);
  EXPECT_LT(first, 61500u);  // whole packets
  EXPECT_EQ(sent_to(grant_packet(to_server(id), 50000, 3)), 0u);  // late
  EXPECT_EQ(sent_to(grant_packet(to_server(id), 100000, 255)), 0u);
  // Beyond the end, with the byte that older receivers add, at a level that does not exist.
  EXPECT_EQ(sent_to(longer(grant_packet(to_server(id), 0xffffffff, 200), 1)), 160000 - first);
  send(resend_packet(to_server(id), 199000, 1000));
  EXPECT_FALSE(data_of(settle(), id).empty());
}

// A client that waits for many responses asks that little of each comes without grants.
TEST_F(ServerTest, LimitOfTheResponse) {
  const auto answered = [&](std::uint16_t limit, std::size_t length) {
    const std::uint64_t id = new_id();
    for (std::uint32_t at : {1000u, 0u}) {
      Data data = {2000, at, pattern_bytes(at, at + 1000)};
      data.response_unsched = limit;
      send(data_packet(to_server(id), data));
    }
    received r = {};
    take(server_, r);
    reply(id, length);
    return id;
  };
  const auto sent = [&](std::uint64_t id, std::uint32_t from, std::uint32_t to, std::uint32_t incoming) {
    const auto data = data_of(settle(), id);
    expect_range(data, from, to, false);
    for (const Frame& frame : data) {
      const auto h = header<homa_data_hdr>(frame.bytes);
      EXPECT_EQ(ntohl(h.incoming), incoming);
      EXPECT_EQ(h.response_unsched, 0);
    }
  };
  const std::uint64_t id = answered(1000, 50000);
  sent(id, 0, 1000, 1000);
  send(grant_packet(to_server(id), 50000, 3));
  sent(id, 1000, 50000, 1000);
  sent(answered(1, 3000), 0, 1, 1);
  EXPECT_EQ(counted("incast_responses"), 2u);
  // Short ones go as ever, and nobody gets more than the sender would send.
  sent(answered(1000, 1000), 0, 1000, 1000);
  sent(answered(0, 50000), 0, 40000, 40000);
  sent(answered(65535, 50000), 0, 40000, 40000);
  EXPECT_EQ(counted("incast_responses"), 2u);
}

TEST_F(ServerTest, LostGrant) {
  const std::uint64_t id = open_request();
  reply(id, 100000);
  settle();
  // Who asks for bytes that were never sent has granted them.
  send(resend_packet(to_server(id), 40000, 10000));
  const auto frames = settle();
  std::vector<Frame> data = data_of(frames, id);
  ASSERT_FALSE(data.empty());
  EXPECT_EQ(ntohl(header<homa_data_hdr>(data.front().bytes).seg_offset), 40000u);
  EXPECT_EQ(header<homa_data_hdr>(data.front().bytes).retransmit, 0);
  EXPECT_EQ(of(frames, HOMA_BUSY, id | 1).size(), 1u);
}

TEST_F(ServerTest, GrantsToTheClient) {
  const std::uint64_t id = new_id();
  const std::uint32_t length = 100000, step = 1000;
  std::uint32_t granted = 20000;
  received r = {};
  for (std::uint32_t at = 0; at < length; at += step) {
    ASSERT_LT(at, granted) << "no GRANT for what follows";
    Data data = {length, at, pattern_bytes(at, at + step)};
    data.incoming = 20000;
    send(data_packet(to_server(id), data));
    for (const Frame& frame : of(settle(), HOMA_GRANT, id | 1)) {
      EXPECT_EQ(frame.bytes.size(), sizeof(homa_grant_hdr));
      const auto h = header<homa_grant_hdr>(frame.bytes);
      EXPECT_GT(ntohl(h.offset), granted);
      EXPECT_LT(h.priority, HOMA_MAX_PRIORITIES);
      granted = ntohl(h.offset);
    }
  }
  EXPECT_EQ(granted, length);
  EXPECT_EQ(take(server_, r), pattern_bytes(0, length));
}

TEST_F(ServerTest, SilenceAndHoles) {
  const std::uint64_t id = new_id();
  send_request(id, 5000, 0, 1000);
  send_request(id, 5000, 2000, 3000);
  const auto wanted = [&](std::uint32_t from, std::uint32_t bytes) {
    return await([&](const Frame& frame) {
      if (!is(frame, HOMA_RESEND, id | 1)) return false;
      const auto h = header<homa_resend_hdr>(frame.bytes);
      return ntohl(h.offset) == from && ntohl(h.length) == bytes;
    }, "RESEND");
  };
  EXPECT_EQ(wanted(1000, 1000).bytes.size(), sizeof(homa_resend_hdr));
  wanted(3000, 2000);
  received r = {};
  Data hole = {5000, 1000, pattern_bytes(1000, 2000)};
  hole.retransmit = true;
  send(data_packet(to_server(id), hole));
  wanted(3000, 2000);
  send_request(id, 5000, 3000, 5000);
  EXPECT_EQ(take(server_, r), pattern_bytes(0, 5000));
  EXPECT_EQ(counted("resent_packets_used"), 1u);
}

TEST_F(ServerTest, ClientVanishes) {
  Setting timeout("timeout_ticks", "30");
  send_request(new_id(), 5000, 0, 1000);
  settle();
  await_rpcs(server_, 0);
  EXPECT_EQ(counted("rpc_timeouts"), 1u);
  // A reply that nobody takes goes the same way, later.
  const std::uint64_t id = open_request();
  reply(id, 100);
  await(HOMA_NEED_ACK, id | 1);
  await_rpcs(server_, 0);
  EXPECT_EQ(counted("rpc_timeouts"), 2u);
}

TEST_F(ServerTest, Acks) {
  Data carrier = {10, 0, Bytes(10)};
  const std::uint64_t header_id = open_request(), listed = open_request();
  const std::uint64_t riding = open_request(), bad = open_request();
  for (std::uint64_t id : {header_id, listed, riding, bad}) reply(id, 10);
  EXPECT_EQ(rpcs(server_), 4u);
  await(HOMA_NEED_ACK, bad | 1);
  // Not the client's host; an id that is a server's; a port where it is not.
  send_from(raw_link->host(250), ack_packet(to_server(bad)));
  send(ack_packet(to_server(new_id()), {{bad | 1, kServerPort}, {bad, client_port_}, {bad, 7}}));
  settle();
  EXPECT_EQ(rpcs(server_), 4u);
  send(ack_packet(to_server(header_id), {{0, 0}, {listed, kServerPort}}, 65535));
  carrier.ack = {riding, kServerPort};
  send(data_packet(to_server(header_id), carrier));
  settle();
  EXPECT_EQ(rpcs(server_), 1u);
  send(longer(ack_packet(to_server(bad)), 30));
  settle();
  EXPECT_EQ(rpcs(server_), 0u);
}

TEST_F(ServerTest, AtMostOnce) {
  const std::uint64_t id = open_request();
  send_request(id, 10, 0, 10);  // in service
  EXPECT_TRUE(nothing_for(server_));
  reply(id, 10);
  send_request(id, 10, 0, 10);  // answered
  EXPECT_TRUE(nothing_for(server_));
  send(ack_packet(to_server(id)));
  settle();
  EXPECT_EQ(rpcs(server_), 0u);
  send_request(id, 10, 0, 10);  // freed
  send_request(id, 10, 0, 5);
  EXPECT_TRUE(nothing_for(server_));
  EXPECT_EQ(rpcs(server_), 0u);
  EXPECT_EQ(counted("drop_FINISHED"), 2u);
  EXPECT_EQ(counted("drop_STATE"), 2u);
  // The same id of another host is another RPC.
  send_from(raw_link->host(250), data_packet(to_server(id), {10, 0, pattern_bytes(0, 10)}));
  received r = {};
  EXPECT_EQ(take(server_, r), pattern_bytes(0, 10));
}

TEST_F(ServerTest, AtMostOnceDespiteStrangeId) {
  const std::uint64_t id = open_request(), strange = id + (std::uint64_t{1} << 40);
  received r = {};
  reply(id, 10);
  send(ack_packet(to_server(id)));
  send_request(strange, 10, 0, 10);
  EXPECT_EQ(take(server_, r), pattern_bytes(0, 10));
  send(plain_packet(to_server(strange), HOMA_RPC_UNKNOWN));
  settle();
  EXPECT_EQ(rpcs(server_), 0u);
  send_request(id, 10, 0, 10);
  send_request(strange, 10, 0, 10);
  EXPECT_TRUE(nothing_for(server_));
  EXPECT_EQ(counted("drop_FINISHED"), 2u);
}

TEST_F(ServerTest, ClientForgot) {
  const std::uint64_t id = open_request();
  send(plain_packet(to_server(id), HOMA_RPC_UNKNOWN));
  settle();
  EXPECT_EQ(rpcs(server_), 0u);
  EXPECT_EQ(counted("server_rpcs_unknown"), 1u);
}

TEST_F(ServerTest, Cutoffs) {
  // Levels of replies: up to 1000 bytes 7, up to 2000 bytes 5, others 2.
  send(cutoffs_packet(to_server(new_id()), {0, 0, 0xffffffff, 0, 0, 2000, 0, 1000}, 5));
  settle();
  const std::pair<std::size_t, int> levels[] = {{1000, 7}, {1001, 5}, {2001, 2}};
  for (auto [length, level] : levels) {
    const std::uint64_t id = open_request();
    reply(id, length);
    for (const Frame& frame : data_of(settle(), id)) {
      EXPECT_EQ(frame.traffic_class >> 5, level) << length;
      EXPECT_EQ(ntohs(header<homa_data_hdr>(frame.bytes).cutoff_version), 5);
    }
  }
}

TEST_F(ServerTest, RegionFull) {
  // Five messages of 16 pages do not fit into 64.
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < 5; i++) {
    ids.push_back(new_id());
    send_request(ids.back(), HOMA_MAX_MESSAGE_LENGTH, 0, 1000);
  }
  settle();
  EXPECT_EQ(counted("drop_NO_BUFFERS"), 1u);
  EXPECT_GT(counted("buffer_alloc_failures"), 0u);
  EXPECT_EQ(rpcs(server_), 5u);
  send(plain_packet(to_server(ids[0]), HOMA_RPC_UNKNOWN));
  const auto all = await([&](const Frame& frame) {
    return is(frame, HOMA_RESEND, ids[4] | 1) &&
           ntohl(header<homa_resend_hdr>(frame.bytes).length) == HOMA_RESEND_ALL;
  }, "RESEND of everything");
  EXPECT_EQ(ntohl(header<homa_resend_hdr>(all.bytes).offset), 0u);
}

}  // namespace
