// SPDX-License-Identifier: Apache-2.0
// We are the server, packet by packet; the module is the client.
#include <arpa/inet.h>

#include <set>

#include "fixture.h"

namespace {

class ClientTest : public PacketTest {
 protected:
  void send_response(std::uint64_t id, std::uint32_t length, std::uint32_t from,
                     std::uint32_t to) {
    send(data_packet(to_client(id), {length, from, pattern_bytes(from, to)}));
  }
  // The errno with which the client's next RPC ends.
  int failure() {
    received r = {};
    return endpoint_receive(&client_, 0, 0, &r) < 0 ? errno : 0;
  }
};

TEST_F(ClientTest, Request) {
  const std::uint64_t id = client_request(3000);
  expect_range(of(settle(), HOMA_DATA, id), 0, 3000, false);
  EXPECT_EQ(id % 2, 0u);
  received r = {};
  send_response(id, 2000, 1000, 2000);
  send_response(id, 2000, 0, 1000);
  EXPECT_EQ(take(client_, r), pattern_bytes(0, 2000));
  EXPECT_EQ(r.args.id, id);
}

TEST_F(ClientTest, ManyResponsesDue) {
  Setting threshold("incast_threshold", "3"), limit("incast_unsched_bytes", "777");
  Setting patience("resend_ticks", "100000"), timeout("timeout_ticks", "100000");
  const auto asked = [](const std::vector<Frame>& frames, std::uint64_t id) {
    std::set<unsigned> limits;
    for (const Frame& frame : of(frames, HOMA_DATA, id))
      limits.insert(ntohs(header<homa_data_hdr>(frame.bytes).response_unsched));
    return limits;
  };
  using Limits = std::set<unsigned>;
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < 5; i++) ids.push_back(client_request(3000));
  const auto frames = settle();
  for (std::size_t i = 0; i < ids.size(); i++)
    EXPECT_EQ(asked(frames, ids[i]), Limits{i < 3 ? 0u : 777u}) << i;
  EXPECT_EQ(counted("incast_requests"), 2u);
  // A request that comes again says the same.
  send(plain_packet(to_client(ids[4]), HOMA_RPC_UNKNOWN));
  EXPECT_EQ(asked(settle(), ids[4]), Limits{777});

  received r = {};
  for (std::size_t i = 0; i < 3; i++) {
    send_response(ids[i], 10, 0, 10);
    take(client_, r);
  }
  std::uint64_t id = client_request(100);
  EXPECT_EQ(asked(settle(), id), Limits{0});
  id = client_request(100);
  EXPECT_EQ(asked(settle(), id), Limits{777});
  Setting off("incast_threshold", "0");
  id = client_request(100);
  EXPECT_EQ(asked(settle(), id), Limits{0});
  EXPECT_EQ(counted("incast_requests"), 3u);
}

TEST_F(ClientTest, Silence) {
  const std::uint64_t id = client_request(3000);
  const Frame resend = await(HOMA_RESEND, id);
  const auto h = header<homa_resend_hdr>(resend.bytes);
  EXPECT_EQ(resend.bytes.size(), sizeof(h));
  EXPECT_EQ(ntohl(h.offset), 0u);
  EXPECT_EQ(ntohl(h.length), HOMA_RESEND_ALL);
}

TEST_F(ClientTest, ServerForgot) {
  const std::uint64_t id = client_request(3000);
  settle();
  send(plain_packet(to_client(id), HOMA_RPC_UNKNOWN));
  expect_range(of(settle(), HOMA_DATA, id), 0, 3000, true);
}

TEST_F(ClientTest, BusyKeepsItAlive) {
  // Without an answer the RPC would end at the 39th RESEND.
  Setting timeout("timeout_ticks", "200"), first("resend_ticks", "5"), next("resend_interval", "5");
  const std::uint64_t id = client_request(100);
  for (int i = 0; i < 60; i++) {
    await(HOMA_RESEND, id);
    send(plain_packet(to_client(id), HOMA_BUSY));
  }
  EXPECT_TRUE(nothing_for(client_));
  EXPECT_EQ(rpcs(client_), 1u);
}

TEST_F(ClientTest, NeedAckDoesNot) {
  Setting timeout("timeout_ticks", "50"), first("resend_ticks", "5"), next("resend_interval", "5");
  const std::uint64_t id = client_request(100);
  for (int i = 0; i < 5; i++) {
    await(HOMA_RESEND, id);
    send(plain_packet(to_client(id), HOMA_NEED_ACK));
  }
  EXPECT_EQ(failure(), ETIMEDOUT);
}

TEST_F(ClientTest, NeedAck) {
  const std::uint64_t unknown = new_id();
  send(plain_packet(to_client(unknown), HOMA_NEED_ACK));
  const auto acks = of(settle(), HOMA_ACK, unknown);
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(acks[0].bytes.size(), sizeof(homa_ack_hdr));
  EXPECT_EQ(ntohs(header<homa_ack_hdr>(acks[0].bytes).common.dport), kRawPort);

  const std::uint64_t id = client_request(10);
  settle();
  send_response(id, 2000, 0, 1000);
  send(plain_packet(to_client(id), HOMA_NEED_ACK));
  auto frames = settle();
  EXPECT_TRUE(of(frames, HOMA_ACK, id).empty());
  ASSERT_FALSE(of(frames, HOMA_RESEND, id).empty());
  EXPECT_EQ(ntohl(header<homa_resend_hdr>(of(frames, HOMA_RESEND, id)[0].bytes).offset), 1000u);
  send_response(id, 2000, 1000, 2000);
  send(plain_packet(to_client(id), HOMA_NEED_ACK));  // complete, not fetched
  EXPECT_EQ(of(settle(), HOMA_ACK, id).size(), 1u);
  received r = {};
  EXPECT_EQ(take(client_, r), pattern_bytes(0, 2000));
}

TEST_F(ClientTest, AckRidesInNextRequest) {
  received r = {};
  const std::uint64_t first = client_request(10);
  settle();
  send_response(first, 10, 0, 10);
  take(client_, r);
  const std::uint64_t second = client_request(10);
  const auto data = of(settle(), HOMA_DATA, second);
  ASSERT_EQ(data.size(), 1u);
  const auto h = header<homa_data_hdr>(data[0].bytes);
  EXPECT_EQ(host64(h.ack.client_id), first);
  EXPECT_EQ(ntohs(h.ack.server_port), kRawPort);
}

TEST_F(ClientTest, AcksWithoutRequests) {
  received r = {};
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < 6; i++) ids.push_back(client_request(10));
  settle();
  for (std::uint64_t id : ids) {
    send_response(id, 10, 0, 10);
    take(client_, r);
    r.args.num_bpages = 0;
  }
  const Frame ack = await([](const Frame& frame) {
    return frame.protocol == kHomaProtocol &&
           header<homa_common_hdr>(frame.bytes).type == HOMA_ACK;
  }, "ACK of a full list");
  EXPECT_EQ(ntohs(header<homa_ack_hdr>(ack.bytes).num_acks), HOMA_MAX_ACKS);
  EXPECT_EQ(counted("ack_overflows"), 1u);
}

TEST_F(ClientTest, Grants) {
  const std::uint64_t id = client_request(200000);
  expect_range(of(settle(), HOMA_DATA, id), 0, 40000, false);
  send(longer(grant_packet(to_client(id), 200000, 7), 1));
  expect_range(of(settle(), HOMA_DATA, id), 40000, 200000, false);
}

TEST_F(ClientTest, StrangersAreNotHeard) {
  const std::uint64_t id = client_request(200000);
  settle();
  const Address stranger = raw_link->host(250);
  send_from(stranger, data_packet(to_client(id), {10, 0, pattern_bytes(0, 10)}));
  send_from(stranger, grant_packet(to_client(id), 200000, 7));
  send_from(stranger, plain_packet(to_client(id), HOMA_RPC_UNKNOWN));
  EXPECT_TRUE(of(settle(), HOMA_DATA, id).empty());
  EXPECT_TRUE(nothing_for(client_));
}

TEST_F(ClientTest, SecondResponse) {
  received r = {};
  const std::uint64_t id = client_request(10);
  settle();
  send_response(id, 10, 0, 10);
  send_response(id, 10, 0, 10);
  EXPECT_EQ(take(client_, r), pattern_bytes(0, 10));
  send_response(id, 10, 0, 10);
  EXPECT_TRUE(nothing_for(client_));
  EXPECT_EQ(rpcs(client_), 0u);
}

TEST_F(ClientTest, Timeout) {
  Setting timeout("timeout_ticks", "20");
  client_request(100);
  EXPECT_EQ(failure(), ETIMEDOUT);
  EXPECT_EQ(rpcs(client_), 0u);
}

}  // namespace
