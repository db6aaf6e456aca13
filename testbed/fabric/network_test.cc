// SPDX-License-Identifier: Apache-2.0
// Queues, links and switches, with packets that no kernel has seen.
#include "network.h"

#include <gtest/gtest.h>

#include <fstream>

#include "egress.h"
#include "fault.h"
#include "impairment.h"
#include "segment.h"

namespace fabric {
namespace {

constexpr uint64_t kGigabit = 1'000'000'000;

std::shared_ptr<Packet> Ipv4(int to, size_t frame_bytes, int traffic_class = 0, uint16_t port = 1) {
  auto packet = std::make_shared<Packet>();
  packet->frame.assign(frame_bytes, 0);
  auto mac = MacOf(to);
  std::copy(mac.begin(), mac.end(), packet->frame.begin());
  packet->frame[12] = 8;
  packet->frame[14] = 0x45;
  packet->frame[15] = uint8_t(traffic_class);
  packet->frame[23] = 17;
  packet->frame[34] = uint8_t(port >> 8);
  packet->frame[35] = uint8_t(port);
  return packet;
}

struct Arrival {
  Ns time;
  int node;
  PacketPtr packet;
};

struct Rig {
  explicit Rig(Config c, int nodes = 4, uint64_t seed = 1) : config(c), recorder(&events) {
    for (int node = 0; node < nodes; node++) recorder.AddPort("host");
    network = std::make_unique<Network>(&events, &recorder, config, nodes, seed, [this](int node, const PacketPtr& packet) {
      arrivals.push_back({events.Now(), node, packet});
    });
  }
  void Run() {
    while (events.Next() != kNever) events.RunNext();
  }
  uint64_t Dropped(Reason reason) const {
    uint64_t sum = 0;
    for (const auto& port : recorder.Ports()) sum += port.dropped[size_t(reason)];
    return sum;
  }

  Config config;
  EventQueue events;
  Recorder recorder;
  std::unique_ptr<Network> network;
  std::vector<Arrival> arrivals;
};

TEST(Events, RunInOrderOfTimeThenOfPlanning) {
  EventQueue events;
  std::vector<int> order;
  events.At(20, [&] { order.push_back(3); });
  events.At(10, [&] {
    order.push_back(1);
    events.At(10, [&] { order.push_back(2); });
  });
  events.At(20, [&] { order.push_back(4); }, 3);
  while (events.Next() != kNever) events.RunNext();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
  EXPECT_THROW(events.At(19, [] {}), std::logic_error);
}

TEST(PacketTest, PriorityComesFromTheTrafficClass) {
  EXPECT_EQ(Ipv4(0, 100, 7 << 5)->Priority(), 7);
  EXPECT_EQ(Ipv4(0, 100, 3 << 5)->Priority(), 3);
  auto tagged = Ipv4(0, 100, 7 << 5);
  tagged->frame.insert(tagged->frame.begin() + 12, {0x81, 0x00, 5 << 5, 1});
  EXPECT_EQ(tagged->Priority(), 5);
  auto v6 = Ipv4(0, 100);
  v6->frame[12] = 0x86, v6->frame[13] = 0xdd, v6->frame[14] = 0x6c;  // traffic class 0xc0
  EXPECT_EQ(v6->Priority(), 6);
}

TEST(PacketTest, MarkKeepsTheHeaderChecksumRight) {
  auto packet = Ipv4(0, 100, 2);
  auto sum = [&] {
    uint32_t total = 0;
    for (size_t i = 14; i < 34; i += 2) total += uint32_t(packet->frame[i] << 8 | packet->frame[i + 1]);
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    return total;
  };
  const uint32_t missing = ~sum() & 0xffff;
  packet->frame[24] = uint8_t(missing >> 8), packet->frame[25] = uint8_t(missing);
  ASSERT_EQ(sum(), 0xffffu);
  packet->MarkCongestion();
  EXPECT_EQ(packet->frame[15] & 3, 3);
  EXPECT_EQ(sum(), 0xffffu);
}

TEST(PacketTest, ShortFramesAreNotReadPastTheirEnd) {
  Packet packet;
  packet.frame = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 8, 0};
  EXPECT_EQ(packet.Priority(), 0);
  EXPECT_EQ(packet.Protocol(), -1);
  EXPECT_FALSE(packet.EcnCapable());
  EXPECT_EQ(packet.WireBytes(), 84u);
  packet.FlowHash();
}

TEST(NetworkTest, OnePacketTakesTheSumOfItsParts) {
  Rig rig({});
  rig.network->FromHost(1, Ipv4(0, 142));
  rig.Run();
  ASSERT_EQ(rig.arrivals.size(), 1u);
  EXPECT_EQ(rig.arrivals[0].node, 0);
  // Switch, 166 bytes at 10 Gb/s rounded up, propagation.
  EXPECT_EQ(rig.arrivals[0].time, 300u + 133 + 500);
}

TEST(NetworkTest, QueueDrainsAtExactlyTheLinkRate) {
  Rig rig({});
  const Ns one = SerialisationNs(1500 + 24, 10 * kGigabit);
  for (int i = 0; i < 100; i++) rig.network->FromHost(1 + i % 3, Ipv4(0, 1500));
  rig.Run();
  ASSERT_EQ(rig.arrivals.size(), 100u);
  for (size_t i = 0; i < 100; i++) EXPECT_EQ(rig.arrivals[i].time, 300 + (i + 1) * one + 500);
}

TEST(NetworkTest, HigherPrioritiesOvertakeButDoNotInterrupt) {
  Rig rig({});
  rig.network->FromHost(1, Ipv4(0, 1500, 0));
  rig.network->FromHost(1, Ipv4(0, 1500, 1 << 5));
  rig.network->FromHost(2, Ipv4(0, 1500, 7 << 5));
  rig.Run();
  ASSERT_EQ(rig.arrivals.size(), 3u);
  EXPECT_EQ(rig.arrivals[0].packet->Priority(), 0);
  EXPECT_EQ(rig.arrivals[1].packet->Priority(), 7);
  EXPECT_EQ(rig.arrivals[2].packet->Priority(), 1);
}

TEST(NetworkTest, FullBufferDrops) {
  Config config;
  config.queue.buffer_bytes = 15'000;
  Rig own(config);
  for (int i = 0; i < 20; i++)
    for (int to : {0, 2}) own.network->FromHost(1, Ipv4(to, 1500));
  own.Run();
  EXPECT_EQ(own.arrivals.size(), 22u);  // each port: one on the wire, ten waiting
  EXPECT_EQ(own.Dropped(Reason::kBuffer), 18u);
  config.queue.shared = true;
  Rig shared(config);
  for (int i = 0; i < 20; i++)
    for (int to : {0, 2}) shared.network->FromHost(1, Ipv4(to, 1500));
  shared.Run();
  EXPECT_EQ(shared.arrivals.size(), 12u);  // two on the wire, ten waiting in all
}

TEST(NetworkTest, MarksOnlyWhatFindsALongQueueAndCanBeMarked) {
  Config config;
  config.queue.ecn_bytes = 3000;
  Rig rig(config);
  for (int i = 0; i < 6; i++) rig.network->FromHost(1, Ipv4(0, 1500, 2));
  for (int i = 0; i < 2; i++) rig.network->FromHost(1, Ipv4(0, 1500, 0));
  rig.Run();
  size_t marked = 0;
  for (const auto& arrival : rig.arrivals) marked += (arrival.packet->frame[15] & 3) == 3;
  EXPECT_EQ(marked, 2u);  // the first is on the wire, three wait before the fifth comes
}

TEST(NetworkTest, BroadcastReachesEveryOtherHostOnce) {
  for (auto kind : {Config::Kind::kSingle, Config::Kind::kLeafSpine}) {
    Config config;
    config.kind = kind;
    Rig rig(config, 5);
    auto packet = Ipv4(0, 100);
    std::fill_n(packet->frame.begin(), 6, 0xff);
    rig.network->FromHost(1, packet);
    rig.Run();
    std::vector<int> count(5);
    for (const auto& arrival : rig.arrivals) count[arrival.node]++;
    EXPECT_EQ(count, (std::vector<int>{1, 0, 1, 1, 1}));
  }
}

TEST(NetworkTest, UnknownHostIsCounted) {
  Rig rig({});
  rig.network->FromHost(1, Ipv4(9, 100));
  rig.Run();
  EXPECT_TRUE(rig.arrivals.empty());
  EXPECT_EQ(rig.Dropped(Reason::kNoHost), 1u);
}

TEST(NetworkTest, LeafSpineKeepsAFlowOnOnePathUnlessSpraying) {
  auto paths = [](bool spray, bool one_flow) {
    Config config;
    config.kind = Config::Kind::kLeafSpine;
    config.spray = spray;
    Rig rig(config);
    for (uint16_t i = 0; i < 64; i++) rig.network->FromHost(0, Ipv4(3, 200, 0, one_flow ? 1 : i));
    rig.Run();
    EXPECT_EQ(rig.arrivals.size(), 64u);
    size_t used = 0;
    for (const auto& port : rig.recorder.Ports()) used += port.name.starts_with("leaf0-spine") && port.sent_packets;
    return used;
  };
  EXPECT_EQ(paths(false, true), 1u);
  EXPECT_EQ(paths(false, false), 2u);
  EXPECT_EQ(paths(true, true), 2u);
}

TEST(NetworkTest, LeafSpineTakesTheSumOfItsHops) {
  Config config;
  config.kind = Config::Kind::kLeafSpine;
  Rig rig(config);
  rig.network->FromHost(0, Ipv4(3, 1500));
  rig.Run();
  ASSERT_EQ(rig.arrivals.size(), 1u);
  EXPECT_EQ(rig.arrivals[0].time, 2 * (300 + SerialisationNs(1524, 40 * kGigabit) + 500) +
                                      300 + SerialisationNs(1524, 10 * kGigabit) + 500);
}

std::vector<uint64_t> Survivors(const ImpairConfig& impair, uint64_t seed) {
  Config config;
  config.impair = impair;
  config.queue.buffer_bytes = 1 << 30;
  Rig rig(config, 4, seed);
  for (uint64_t i = 0; i < 2000; i++) {
    auto packet = Ipv4(0, 100);
    packet->id = i;
    rig.network->FromHost(1, packet);
  }
  rig.Run();
  std::vector<uint64_t> ids;
  for (const auto& arrival : rig.arrivals) ids.push_back(arrival.packet->id);
  return ids;
}

TEST(ImpairmentTest, SameSeedSameLosses) {
  const ImpairConfig impair{.loss = 0.1};
  EXPECT_EQ(Survivors(impair, 7), Survivors(impair, 7));
  EXPECT_NE(Survivors(impair, 7), Survivors(impair, 8));
  EXPECT_NEAR(double(Survivors(impair, 7).size()), 1800, 60);
}

TEST(ImpairmentTest, BurstsAreInARow) {
  const auto ids = Survivors({.loss = 0.01, .burst_packets = 5}, 1);
  ASSERT_LT(ids.size(), 2000u);
  for (size_t i = 1; i < ids.size(); i++) EXPECT_EQ((ids[i] - ids[i - 1] - 1) % 5, 0u);
}

TEST(ImpairmentTest, DuplicatesReordersAndFilters) {
  EXPECT_EQ(Survivors({.duplicate = 1}, 1).size(), 4000u);
  const auto late = Survivors({.reorder = 0.1}, 1);
  EXPECT_EQ(late.size(), 2000u);
  EXPECT_FALSE(std::is_sorted(late.begin(), late.end()));
  EXPECT_EQ(Survivors({.loss = 1, .protocol = 6}, 1).size(), 2000u);
  EXPECT_EQ(Survivors({.loss = 1, .protocol = 17}, 1).size(), 0u);
}

TEST(ImpairmentTest, LosesOneTypeOfHomaPackets) {
  Impairment impairment({.loss = 1, .homa_type = 0x11}, 1, 0);
  auto packet = Ipv4(0, 100);
  EXPECT_FALSE(impairment.Judge(*packet).lost);
  packet->frame[23] = 146;
  packet->frame[14 + 20 + 11] = 0x11;
  EXPECT_TRUE(impairment.Judge(*packet).lost);
  packet->frame[14 + 20 + 11] = 0x10;
  EXPECT_FALSE(impairment.Judge(*packet).lost);
}

TEST(FaultTest, HappenWhenTheyAreDue) {
  struct Log : Victims {
    std::vector<int> killed;
    void Kill(int node) override { killed.push_back(node); }
  } victims;
  EventQueue events;
  LinkStates links(4);
  using Kind = FaultConfig::Kind;
  PlanFaults({{Kind::kLinkDown, 2, 10, 5, 20}, {Kind::kLinkDown, 2, 12, 1, 0}, {Kind::kKill, 3, 14, 0, 0}}, &events, &links, &victims);
  std::vector<bool> up;
  for (Ns time = 0; time < 50; time++) {
    while (events.Next() <= time) events.RunNext();
    up.push_back(links.Up(2));
    EXPECT_TRUE(links.Up(0));
  }
  for (Ns time = 0; time < 50; time++) EXPECT_EQ(up[time], time < 10 || (time >= 15 && time < 30) || (time >= 35)) << time;
  EXPECT_EQ(victims.killed, std::vector<int>{3});
}

TEST(RecorderTest, SeriesHasALineForEachPeriodInWhichSomethingHappened) {
  const std::string path = testing::TempDir() + "fabric_series_test.csv";
  EventQueue events;
  Recorder recorder(&events);
  recorder.AddPort("a");
  recorder.AddPort("b");
  recorder.OpenSeries(path, 1000);
  recorder.Note(Step::kEnqueued, 0, *Ipv4(0, 100), 100);
  recorder.Note(Step::kDequeued, 0, *Ipv4(0, 100), 0);
  events.ActAt(2500);
  recorder.Note(Step::kEnqueued, 0, *Ipv4(0, 100), 700);
  recorder.Note(Step::kSent, 1, *Ipv4(0, 1500), 0);
  recorder.Close();
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(text, "start_ns,port,max_queue_bytes,sent_wire_bytes\n0,a,100,124\n2000,a,700,0\n2000,b,0,1524\n");
}

TEST(SegmentTest, CutsAsForTcp) {
  Packet whole = *Ipv4(1, 14 + 20 + 20 + 2500);
  whole.checksum = Checksum::kPartial;
  whole.checksum_start = 34;
  whole.checksum_offset = 16;
  whole.frame[18] = 0, whole.frame[19] = 9;         // id
  whole.frame[23] = 6;
  whole.frame[34 + 7] = 100;                         // sequence
  whole.frame[34 + 13] = 0x80 | 0x10 | 0x08 | 0x01;  // CWR, ACK, PSH, FIN
  for (size_t i = 54; i < whole.frame.size(); i++) whole.frame[i] = uint8_t(i);
  const auto segments = Segment(whole, 54, 1000);
  ASSERT_EQ(segments.size(), 3u);
  size_t from = 54;
  for (size_t i = 0; i < 3; i++) {
    const auto& frame = segments[i].frame;
    const size_t bytes = i < 2 ? 1000 : 500;
    ASSERT_EQ(frame.size(), 54 + bytes);
    EXPECT_TRUE(std::equal(frame.begin() + 54, frame.end(), whole.frame.begin() + ptrdiff_t(from)));
    from += bytes;
    EXPECT_EQ(frame[16] << 8 | frame[17], int(40 + bytes));
    EXPECT_EQ(frame[19], 9 + i);
    EXPECT_EQ(frame[34 + 6] << 8 | frame[34 + 7], int(100 + 1000 * i));
    EXPECT_EQ(frame[34 + 13], 0x10 | (i == 0 ? 0x80 : 0) | (i == 2 ? 0x09 : 0));
    uint32_t sum = 0;
    for (size_t at = 14; at < 34; at += 2) sum += uint32_t(frame[at] << 8 | frame[at + 1]);
    EXPECT_EQ((sum & 0xffff) + (sum >> 16), 0xffffu);
    EXPECT_EQ(frame[50] << 8 | frame[51], int(6 + 20 + bytes));  // the pseudo header: addresses are 0
  }
  EXPECT_THROW(Segment(whole, 54, 0), std::runtime_error);
  EXPECT_THROW(Segment(whole, 9999, 1000), std::runtime_error);
  whole.checksum_start = 10;
  EXPECT_THROW(Segment(whole, 54, 1000), std::runtime_error);
}

TEST(ImpairmentTest, CorruptionFlipsOneBitBehindTheAddresses) {
  Impairment impairment({.corrupt = 1}, 1, 0);
  const auto packet = Ipv4(0, 100);
  for (int i = 0; i < 500; i++) {
    const PacketPtr copy = impairment.Corrupt(*packet);
    int bits = 0;
    for (size_t at = 0; at < 100; at++) {
      const int flipped = __builtin_popcount(copy->frame[at] ^ packet->frame[at]);
      EXPECT_TRUE(at >= 12 || !flipped);
      bits += flipped;
    }
    EXPECT_EQ(bits, 1);
  }
}

}  // namespace
}  // namespace fabric
