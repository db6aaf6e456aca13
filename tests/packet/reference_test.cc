// SPDX-License-Identifier: Apache-2.0
// Packets of the reference, byte for byte: heard, and sent alike.
#include <arpa/inet.h>
#include <endian.h>

#include "fixture.h"

namespace {

constexpr std::uint16_t kClientPort = 32769, kPort = 99;
constexpr std::uint64_t kFirst = 0x1234, kSecond = 0x1236;

const char kData[] =
    "80010063 00000000 00000010 e0060000 0000b97d 00000000 00001234 00000064 00000064 00000000"
    "00000000 00000000 00000000 ffffffff";
const char kRetransmitted[] =
    "80010063 00000590 00000010 e0060000 0000b97d 00000000 00001236 00001388 00001388 00000000"
    "00001234 00630001 01000000 00000590";
const char kGrant[] = "00638001 00000000 00000011 50060000 0000b97d 00000000 00001237 0000ea60 03";
const char kResend[] =
    "80010063 00000000 00000012 50060000 0000b97d 00000000 00001236 00000000 ffffffff 07";
const char kCutoffs[] =
    "00638001 00000000 00000015 50060000 0000b97d 00000000 00001237 00000000 00000000 00000000"
    "00000000 000f4240 00003a98 00000af0 000000c8 0001";
const char kAck[] =
    "80010063 00000000 00000018 50060000 0000b97d 00000000 00001236 00010000 00000000 12340063";
const char kNeedAck[] = "00638001 00000000 00000017 50060000 0000b97d 00000000 00001237";

Bytes bytes_of(const char* hex) {
  Bytes out;
  unsigned high = 0;
  bool half = false;
  for (; *hex; hex++) {
    if (*hex == ' ') continue;
    const unsigned digit = static_cast<unsigned>(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
    if (half) out.push_back(static_cast<std::uint8_t>(high << 4 | digit));
    high = digit;
    half = !half;
  }
  return out;
}

Bytes ack() {
  Bytes packet = bytes_of(kAck);
  packet.resize(packet.size() + 40);
  return packet;
}

Bytes with(Bytes packet, const Bytes& payload) {
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

template <class T>
void put(Bytes& packet, std::size_t at, T value) {
  std::memcpy(&packet.at(at), &value, sizeof(value));
}

// The reference's packet for another RPC, whose numbers the module chooses.
Bytes readdressed(Bytes packet, const Route& route) {
  put(packet, 0, htons(route.sport));
  put(packet, 2, htons(route.dport));
  put(packet, 20, htobe64(route.sender_id));
  return packet;
}

class ReferenceTest : public PacketTest {
 protected:
  // What a sender may choose: the checksum, which nobody verifies.
  static Bytes comparable(Bytes packet) {
    put<std::uint16_t>(packet, 16, 0);
    return packet;
  }
  static void expect_same(const Bytes& got, const Bytes& wanted) {
    EXPECT_EQ(comparable(got), comparable(wanted));
  }
  Route client_route(std::uint64_t id) const { return {client_port_, kRawPort, id}; }
};

TEST_F(ReferenceTest, HeardByServer) {
  received r = {};
  send(with(bytes_of(kData), pattern_bytes(0, 100)));
  EXPECT_EQ(take(server_, r), pattern_bytes(0, 100));
  EXPECT_EQ(r.args.id, kFirst | 1);
  EXPECT_EQ(endpoint_get_port(&r.from), kClientPort);
  EXPECT_EQ(endpoint_reply(&server_, &r.from, "x", 1, r.args.id), 0);
  EXPECT_EQ(rpcs(server_), 1u);

  // It begins the second RPC, acknowledges the first, and knows our levels.
  settle();
  send(with(bytes_of(kRetransmitted), pattern_bytes(1424, 2824)));  // fits behind IPv6, too
  settle();
  EXPECT_EQ(rpcs(server_), 1u);
  EXPECT_EQ(counted("resent_packets_used"), 1u);
  send(bytes_of(kResend));
  EXPECT_EQ(of(settle(), HOMA_BUSY, kSecond | 1).size(), 1u);
  const Route route = {kClientPort, kPort, kSecond};
  for (auto [from, to] : {std::pair{0u, 1000u}, {1000u, 1424u}, {2824u, 4000u}, {4000u, 5000u}})
    send(data_packet(route, {5000, from, pattern_bytes(from, to)}));
  EXPECT_EQ(take(server_, r), pattern_bytes(0, 5000));
  EXPECT_EQ(r.args.id, kSecond | 1);
  EXPECT_EQ(endpoint_reply(&server_, &r.from, "x", 1, r.args.id), 0);
  settle();
  send(bytes_of(kResend));
  EXPECT_EQ(of(settle(), HOMA_DATA, kSecond | 1).size(), 1u);
  send(ack());
  settle();
  EXPECT_EQ(rpcs(server_), 0u);
}

TEST_F(ReferenceTest, HeardByClient) {
  const std::uint64_t id = client_request(100000);
  expect_range(of(settle(), HOMA_DATA, id), 0, 40000, false);
  const Route route = to_client(id);
  send(readdressed(bytes_of(kCutoffs), route));
  send(readdressed(bytes_of(kGrant), route));
  const auto granted = of(settle(), HOMA_DATA, id);
  ASSERT_FALSE(granted.empty());
  for (const Frame& frame : granted) {
    const auto h = header<homa_data_hdr>(frame.bytes);
    EXPECT_EQ(frame.traffic_class >> 5, 3);
    EXPECT_EQ(ntohs(h.cutoff_version), 1);
    EXPECT_LT(ntohl(h.seg_offset), 60000u);
  }
  send(readdressed(bytes_of(kNeedAck), route));
  const auto frames = settle();
  EXPECT_TRUE(of(frames, HOMA_ACK, id).empty());
  EXPECT_FALSE(of(frames, HOMA_RESEND, id).empty());
}

TEST_F(ReferenceTest, SentByClient) {
  received r = {};
  const std::uint64_t first = client_request(100);
  Bytes wanted = readdressed(bytes_of(kData), client_route(first));
  put<std::uint32_t>(wanted, 52, 0);  // native packets may have it in both places
  auto data = of(settle(), HOMA_DATA, first);
  ASSERT_EQ(data.size(), 1u);
  expect_same(data[0].bytes, with(wanted, pattern_bytes(0, 100)));
  expect_same(await(HOMA_RESEND, first).bytes,
              readdressed(bytes_of(kResend), client_route(first)));
  send(data_packet(to_client(first), {10, 0, pattern_bytes(0, 10)}));
  take(client_, r);

  const std::uint64_t unknown = new_id();
  send(plain_packet(to_client(unknown), HOMA_NEED_ACK));
  wanted = readdressed(ack(), client_route(unknown));
  put(wanted, 30, htobe64(first));
  put(wanted, 38, htons(kRawPort));
  auto acks = of(settle(), HOMA_ACK, unknown);
  ASSERT_EQ(acks.size(), 1u);
  expect_same(acks[0].bytes, wanted);
}

TEST_F(ReferenceTest, SentByServer) {
  const Route route = {kPort, kRawPort, new_id() | 1};
  Data data = {100000, 0, pattern_bytes(0, 1000)};
  data.incoming = 1000;
  send(data_packet({kRawPort, kPort, route.sender_id ^ 1}, data));
  const auto frames = settle();
  const auto cutoffs = of(frames, HOMA_CUTOFFS, route.sender_id);
  ASSERT_EQ(cutoffs.size(), 1u);
  Bytes wanted = readdressed(bytes_of(kCutoffs), route);
  // The lowest level takes what no other does.
  put(wanted, 28, header<homa_cutoffs_hdr>(cutoffs[0].bytes).cutoffs[0]);
  expect_same(cutoffs[0].bytes, wanted);
  const auto grants = of(frames, HOMA_GRANT, route.sender_id);
  ASSERT_EQ(grants.size(), 1u);
  wanted = readdressed(bytes_of(kGrant), route);
  put(wanted, 28, header<homa_grant_hdr>(grants[0].bytes).offset);
  wanted[32] = 0;  // the only message needs no level above
  expect_same(grants[0].bytes, wanted);

  const std::uint64_t id = open_request();
  reply(id, 10);
  expect_same(await(HOMA_NEED_ACK, id | 1).bytes,
              readdressed(bytes_of(kNeedAck), {kPort, kRawPort, id | 1}));
}

}  // namespace
