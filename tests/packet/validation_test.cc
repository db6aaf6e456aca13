// SPDX-License-Identifier: Apache-2.0
// Packets that break a rule: counted by reason, never answered, never delivered.
#include <netinet/ip_icmp.h>

#include "fixture.h"

namespace {

constexpr std::uint32_t kMax = HOMA_MAX_MESSAGE_LENGTH;

class ValidationTest : public PacketTest {
 protected:
  // @packet is dropped for the one reason @why.
  void expect_drop(const std::string& name, const Bytes& packet, const std::string& why) {
    SCOPED_TRACE(name);
    before_ = read_metrics();
    send(packet);
    std::vector<Frame> seen = settle();
    EXPECT_EQ(seen.size(), 0u);
    // The packet that settle() sends is for an RPC nobody knows.
    EXPECT_EQ(counted("drop_" + why), why == "NO_RPC" ? 2u : 1u) << why;
    std::uint64_t dropped = 0;
    for (const auto& [counter, value] : read_metrics())
      if (counter.rfind("drop_", 0) == 0) dropped += value - before_[counter];
    EXPECT_EQ(dropped, 2u);
  }

  Bytes data(std::uint64_t id, std::uint32_t length, std::uint32_t offset, std::size_t bytes) {
    return data_packet(to_server(id), {length, offset, Bytes(bytes, 0x33)});
  }
};

TEST_F(ValidationTest, Short) {
  const std::uint64_t id = new_id();
  const Route route = to_server(id);
  const std::vector<Bytes> whole = {
      data(id, 10, 0, 0),
      grant_packet(route, 10, 0),
      cut(resend_packet(route, 0, 10), 36),
      plain_packet(route, HOMA_RPC_UNKNOWN),
      plain_packet(route, HOMA_BUSY),
      cutoffs_packet(route, {1, 2, 3}, 1),
      plain_packet(route, HOMA_FREEZE),
      plain_packet({kRawPort, client_port_, id | 1}, HOMA_NEED_ACK),
      ack_packet(route),
  };
  for (const Bytes& packet : whole)
    for (std::size_t bytes : {packet.size() - 1, std::size_t{28}, std::size_t{27}, std::size_t{12},
                              std::size_t{1}})
      if (bytes < packet.size())
        expect_drop("type " + std::to_string(packet[11]) + ", " + std::to_string(bytes) + " bytes",
                    cut(packet, bytes), "SHORT");
}

TEST_F(ValidationTest, Type) {
  for (int type : {0x00, 0x0f, 0x19, 0x7f, 0x80, 0xff})
    expect_drop(std::to_string(type), longer(plain_packet(to_server(new_id()), type), 100), "TYPE");
}

TEST_F(ValidationTest, Port) {
  const std::uint64_t id = new_id();
  expect_drop("source", data_packet({0, kServerPort, id}, {1, 0, Bytes(1)}), "PORT");
  expect_drop("destination", data_packet({kRawPort, 0, id}, {1, 0, Bytes(1)}), "PORT");
}

TEST_F(ValidationTest, Id) {
  for (std::uint64_t id : {0, 1}) {
    expect_drop("data", data(id, 10, 0, 10), "ID");
    expect_drop("resend", resend_packet(to_server(id), 0, 10), "ID");
  }
}

TEST_F(ValidationTest, Direction) {
  expect_drop("ACK to a client", ack_packet(to_client(new_id())), "DIRECTION");
  expect_drop("NEED_ACK to a server", plain_packet(to_server(new_id()), HOMA_NEED_ACK),
              "DIRECTION");
}

TEST_F(ValidationTest, MessageLength) {
  for (std::uint32_t length : {0u, kMax + 1, 0x7fffffffu, 0x80000000u, 0xffffffffu})
    expect_drop(std::to_string(length), data(new_id(), length, 0, 1), "MESSAGE_LENGTH");
}

TEST_F(ValidationTest, Range) {
  expect_drop("no payload", data(new_id(), 10, 0, 0), "RANGE");
  expect_drop("at the end", data(new_id(), 10, 10, 1), "RANGE");
  expect_drop("payload beyond", data(new_id(), 10, 5, 6), "RANGE");
  expect_drop("sum wraps", data(new_id(), kMax, 0xfffffffe, 10), "RANGE");
  Data nowhere = {10, 0, Bytes(10)};
  nowhere.sequence = nowhere.seg_offset = HOMA_OFFSET_IN_SEQUENCE;
  expect_drop("offset in neither place", data_packet(to_server(new_id()), nowhere), "RANGE");
  const Route route = to_server(new_id());
  expect_drop("resend beyond", resend_packet(route, kMax, 1), "RANGE");
  expect_drop("resend wraps", resend_packet(route, 1, 0xfffffffe), "RANGE");
  expect_drop("resend from nowhere", resend_packet(route, 0xffffffff, 0), "RANGE");
}

TEST_F(ValidationTest, NoRpc) {
  // Those that ask for an answer are in the tests of servers and clients.
  for (int type : {HOMA_BUSY, HOMA_RPC_UNKNOWN}) {
    expect_drop("to server", plain_packet(to_server(new_id()), type), "NO_RPC");
    expect_drop("to client", plain_packet(to_client(new_id()), type), "NO_RPC");
  }
}

TEST_F(ValidationTest, LinkBroadcast) {
  raw_link->send(peer_, self_, kHomaProtocol, data(new_id(), 10, 0, 10), true);
  EXPECT_TRUE(settle().empty());
  EXPECT_EQ(counted("drop_NOT_ALLOWED"), 1u);
  EXPECT_TRUE(nothing_for(server_));
}

TEST_F(ValidationTest, Freeze) {
  expect_drop("broadcast", plain_packet({kRawPort, 0, 0}, HOMA_FREEZE), "NOT_ALLOWED");
  EXPECT_EQ(counted("packets_rcvd_FREEZE"), 1u);
}

TEST_F(ValidationTest, LengthChanged) {
  const std::uint64_t id = new_id();
  received r = {};
  send_request(id, 3000, 0, 1000);
  send_request(id, 2000, 1000, 2000);
  send_request(id, kMax, 1000, 2000);
  settle();
  EXPECT_EQ(counted("drop_LENGTH_CHANGED"), 2u);
  send_request(id, 3000, 1000, 2000);
  send_request(id, 3000, 2000, 3000);
  EXPECT_EQ(take(server_, r), pattern_bytes(0, 3000));
}

TEST_F(ValidationTest, Gaps) {
  Setting patience("resend_ticks", "100000"), never("resend_idle_usecs", "0");
  // Every second byte: the holes of one message are limited.
  const std::uint64_t id = new_id();
  received r = {};
  for (std::uint32_t at = 0; at < 400; at += 2) send_request(id, 400, at, at + 1);
  settle();
  EXPECT_GT(counted("drop_GAPS"), 100u);
  EXPECT_LT(counted("drop_GAPS"), 200u);
  for (std::uint32_t at = 0; at < 400; at++) send_request(id, 400, at, at + 1);
  EXPECT_EQ(take(server_, r), pattern_bytes(0, 400));
}

TEST_F(ValidationTest, ClosedPort) {
  const std::uint64_t id = new_id();
  send(data_packet({kRawPort, kServerPort + 1, id}, {10, 0, Bytes(10)}));
  const Frame answer = await(is_port_unreachable, "ICMP port unreachable");
  EXPECT_EQ(answer.to, peer_);
  EXPECT_EQ(counted("drop_NO_SOCKET"), 1u);
  // A client's port takes no requests, but its answers.
  send(data_packet({kRawPort, client_port_, id}, {10, 0, Bytes(10)}));
  await(is_port_unreachable, "ICMP port unreachable");
  EXPECT_EQ(counted("drop_NOT_SERVING"), 1u);
}

}  // namespace
