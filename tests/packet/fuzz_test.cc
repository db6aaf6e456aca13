// SPDX-License-Identifier: Apache-2.0
// Garbage, the same for the same seed, at sockets that have RPCs in every state.
#include <random>

#include "fixture.h"

namespace {

class FuzzTest : public PacketTest {
 protected:
  std::uint32_t number(std::uint32_t below) {
    return std::uniform_int_distribution<std::uint32_t>(0, below - 1)(random_);
  }

  // Values at which something changes, and others.
  std::uint32_t value() {
    static constexpr std::uint32_t kEdges[] = {
        0, 1, 999, 1000, 1001, 5000, 40000, 65535, 65536, HOMA_MAX_MESSAGE_LENGTH - 1,
        HOMA_MAX_MESSAGE_LENGTH, HOMA_MAX_MESSAGE_LENGTH + 1, 0x7fffffff, 0x80000000, 0xffffffff};
    return number(4) ? kEdges[number(std::size(kEdges))] : static_cast<std::uint32_t>(random_());
  }

  std::uint64_t id() {
    switch (number(4)) {
      case 0: return ids_.empty() ? 6 : ids_[number(static_cast<std::uint32_t>(ids_.size()))] ^ number(2);
      case 1: return number(300);
      case 2: return 2000 + number(100);
      default: return random_();
    }
  }

  // A packet that looks like one, in parts.
  Bytes draw() {
    if (!number(10)) {  // a whole request, with an id that comes again
      const Bytes payload(1 + number(100), 0x77);
      return data_packet(to_server(2000 + 2 * number(50)),
                         {static_cast<std::uint32_t>(payload.size()), 0, payload});
    }
    const std::uint16_t ports[] = {kServerPort, client_port_, 0, 7, 65535};
    const Route route = {static_cast<std::uint16_t>(number(3) ? kRawPort : number(65536)),
                         ports[number(8) < 7 ? number(2) : number(5)], id()};
    Bytes packet;
    switch (number(8)) {
      case 0: packet = grant_packet(route, value(), static_cast<std::uint8_t>(value())); break;
      case 1: packet = resend_packet(route, value(), value(), static_cast<std::uint8_t>(value())); break;
      case 2: packet = cutoffs_packet(route, {value(), value(), value(), value()}, 3); break;
      case 3: packet = ack_packet(route, {{id(), kServerPort}, {id(), client_port_}},
                                  static_cast<std::uint16_t>(value())); break;
      case 4: packet = plain_packet(route, 0x0e + static_cast<int>(number(12))); break;
      default: {
        Data data = {value(), value(), Bytes(number(kPacketBytes), 0x77)};
        data.incoming = value();
        data.retransmit = number(2);
        data.response_unsched = static_cast<std::uint16_t>(number(4) ? 0 : number(65536));
        data.ack = {id(), kServerPort};
        if (number(2)) data.seg_offset = HOMA_OFFSET_IN_SEQUENCE;
        if (number(2)) data.message_length = data.offset + static_cast<std::uint32_t>(data.payload.size());
        packet = data_packet(route, data);
      }
    }
    for (std::uint32_t i = number(10) ? 0 : number(8); i; i--)
      packet[number(static_cast<std::uint32_t>(packet.size()))] = static_cast<std::uint8_t>(random_());
    if (!number(10)) packet = cut(packet, number(static_cast<std::uint32_t>(packet.size())));
    if (!number(10) && packet.size() < kPacketBytes) packet = longer(packet, number(50));
    return packet;
  }

  // What a program would do meanwhile: take messages, answer every other one.
  void work() {
    for (endpoint* ep : {&server_, &client_}) {
      received r = {};
      while (endpoint_receive(ep, 0, MSG_DONTWAIT, &r) >= 0 || r.args.id) {
        if (r.length > 0 && ep == &server_ && number(2))
          endpoint_reply(&server_, &r.from, "answer", 6, r.args.id);
        if (r.length < 0) r.args.num_bpages = 0;
      }
    }
    if (rpcs(client_) < 20) ids_.push_back(client_request(number(2) ? 100 : 100000));
    if (ids_.size() > 20) ids_.erase(ids_.begin());
  }

  std::mt19937_64 random_{fuzz_seed};
  std::vector<std::uint64_t> ids_;
};

TEST_F(FuzzTest, Garbage) {
  // What garbage began must end, or it is asked for without end.
  Setting timeout("timeout_ticks", "20");
  std::uint64_t reports = 0;
  for (unsigned i = 0; i < fuzz_packets; i++) {
    const Bytes packet = draw();
    if (packet.empty()) continue;
    const Address from = number(4) ? peer_ : raw_link->host(200 + number(40));
    for (std::uint32_t times = number(10) ? 1 : 2; times; times--) send_from(from, packet);
    if (i % 100 == 99) {
      work();
      reports += settle().size();
    }
  }
  settle();
  EXPECT_GT(reports, 0u);
  // Each reason was met: the garbage gets as far as it should. Other seeds may draw less.
  for (const char* why : {"SHORT", "TYPE", "PORT", "ID", "DIRECTION", "MESSAGE_LENGTH", "RANGE",
                          "NO_SOCKET", "NOT_SERVING", "NO_RPC", "FINISHED", "STATE", "DUPLICATE",
                          "LENGTH_CHANGED", "NOT_ALLOWED"})
    EXPECT_TRUE(fuzz_seed != kFuzzSeed || counted(std::string("drop_") + why)) << why;
  // And both sockets still work.
  endpoint_close(&client_);
  endpoint_close(&server_);
  SetUp();
  const std::uint64_t request = open_request();
  reply(request, 3000);
  expect_range(of(settle(), HOMA_DATA, request | 1), 0, 3000, false);
}

}  // namespace
