// SPDX-License-Identifier: Apache-2.0
#include "timeline/hosts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "attribute/testing.h"
#include "timeline/clocks.h"

namespace hs {
namespace {

using namespace hs::testing;

constexpr std::uint32_t kThread = 77;  // of the client and of the server, on hosts of their own

// Where an event has a thread id.
std::vector<unsigned> Threads(Kind kind) {
  switch (kind) {
    case Kind::sched_switch:
      return {arg::sched_switch::prev_tid, arg::sched_switch::next_tid};
    case Kind::sched_waking:
      return {arg::sched_waking::tid};
    case Kind::homa_handoff:
      return {arg::homa_handoff::tid};
    case Kind::homa_recv_running:
    case Kind::homa_recv_return:
      return {arg::homa_recv_return::tid};
    default:
      return {};
  }
}

// The client's or the server's half of a round trip, by a clock that is ahead by so much.
Trace Half(const Script& script, bool server, Nanos ahead) {
  std::vector<Nanos> sent;  // request and response
  for (const Event& event : script.trace.events)
    if (event.kind == Kind::net_dev_start_xmit) sent.push_back(event.time);
  TraceBuilder half;
  half.Cpu(1).At(ahead, Kind::sched_switch, {5, 1, 0});
  for (Event event : script.trace.events) {
    bool servers = event.time > sent[0] && event.time <= sent[1];
    for (unsigned i : Threads(event.kind)) {
      if (event.args[i] == 0) continue;
      servers = event.args[i] == kServer;
      event.args[i] = kThread;
    }
    if (servers != server) continue;
    event.time += ahead;
    half.events.push_back(event);
  }
  Trace trace = half.Build(ahead, 1'000'000 + ahead);
  trace.path = trace.host = server ? "server" : "client";
  return trace;
}

Tiles TilesOf(const Trace& trace, const std::vector<RpcLog>& logs = {}) {
  const Timeline timeline(trace);
  auto set = FindRpcs(timeline, logs);
  EXPECT_TRUE(set);
  EXPECT_EQ(set->rpcs.size(), 1u);
  const RpcTiles rpc = AttributeRpc(timeline, set->transport, set->rpcs.at(0));
  EXPECT_EQ(Sum(rpc), rpc.rtt);
  return NonZero(rpc);
}

class TwoHosts : public ::testing::TestWithParam<Nanos> {};

TEST_P(TwoHosts, AreExplainedLikeOne) {
  const Script script = HomaRpc();
  auto merged = MergeHosts({{Half(script, false, 0), {}}, {Half(script, true, GetParam()), {}}});
  ASSERT_TRUE(merged) << merged.error().message;
  const Trace& trace = merged->trace;
  ASSERT_EQ(trace.clocks.size(), 1u);
  EXPECT_EQ(trace.clocks[0].host, "server");
  EXPECT_EQ(trace.clocks[0].ahead, GetParam());
  EXPECT_EQ(trace.clocks[0].drift_ppm, 0);
  EXPECT_EQ(trace.clocks[0].uncertainty, 16 + 1);  // a packet is on its way for 16 ns
  EXPECT_EQ(trace.path, "client, server");
  EXPECT_EQ(trace.complete_from, 0);
  EXPECT_EQ(trace.complete_to, 1'000'000);
  EXPECT_EQ(TilesOf(trace), TilesOf(script.trace.Build()));
}

// A log of one side, by a clock that is ahead by so much and with the thread ids of its host.
RpcLog HalfLog(const Script& script, bool server, Nanos ahead) {
  RpcLog log = script.Logs(Transport::kTcp)[server];
  rpclog_record& record = log.records[0];
  for (std::uint64_t* time : {&record.send_call_ns, &record.send_return_ns, &record.recv_call_ns,
                              &record.recv_return_ns})
    *time += static_cast<std::uint64_t>(ahead);
  record.send_tid = record.recv_tid = kThread;
  return log;
}

TEST_P(TwoHosts, LogsAreShiftedWithTheirTraces) {
  const Script script = FlowRpc(kProtoTcp);
  auto merged = MergeHosts({{Half(script, false, 0), {HalfLog(script, false, 0)}},
                            {Half(script, true, GetParam()), {HalfLog(script, true, GetParam())}}});
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(merged->trace.clocks.at(0).ahead, GetParam());
  EXPECT_EQ(TilesOf(merged->trace, merged->logs),
            TilesOf(script.trace.Build(), script.Logs(Transport::kTcp)));
}

INSTANTIATE_TEST_SUITE_P(Hosts, TwoHosts, ::testing::Values(0, 7'000'001, 5'000'000'000, -500));

// A message of one packet, from one host's trace to another's.
void Packet(TraceBuilder& from, TraceBuilder& to, std::uint64_t id, Nanos sent, Nanos received) {
  from.At(sent, Kind::homa_data_xmit, {id, 0, 100});
  to.At(received, Kind::homa_data_in, {id ^ 1, 0, 100});
}

TEST(MergeHosts, AHostInBetweenRelatesTwoClocks) {
  TraceBuilder a, b, c;
  Packet(a, b, 2, 100, 1000 + 110);
  Packet(b, a, 3, 1000 + 200, 220);
  Packet(b, c, 4, 1000 + 300, 5000 + 305);
  Packet(c, b, 5, 5000 + 400, 1000 + 435);
  auto records = MergeHosts({{a.Build(0, 10'000), {}}, {b.Build(1100, 10'000), {}}, {c.Build(0, 10'000), {}}});
  ASSERT_TRUE(records) << records.error().message;
  const Trace* merged = &records->trace;
  ASSERT_EQ(merged->clocks.size(), 2u);
  EXPECT_EQ(merged->clocks[0].ahead, 1000 - 5);
  EXPECT_EQ(merged->clocks[0].uncertainty, 15 + 1);
  EXPECT_EQ(merged->clocks[1].ahead, 5000 - 20);
  EXPECT_EQ(merged->clocks[1].uncertainty, 35 + 1);
  EXPECT_EQ(merged->complete_from, 1100 - 995);
  EXPECT_EQ(merged->complete_to, 10'000 - 4980);
}

TEST(MergeHosts, BothDirectionsAreNeeded) {
  TraceBuilder a, b;
  Packet(a, b, 2, 100, 110);
  auto merged = MergeHosts({{a.Build(), {}}, {b.Build(), {}}});
  ASSERT_FALSE(merged);
  EXPECT_NE(merged.error().message.find("in both directions"), std::string::npos);
}

// Round trips for 20 ms, of which each packet takes 2 to 7 us, by a clock that is fast by so many ppm.
std::vector<std::optional<ClockLine>> Drifting(double ppm, Nanos ahead) {
  TraceBuilder a, b;
  std::minstd_rand random(7);
  const auto way = [&] { return 2000 + static_cast<Nanos>(random() % 5000); };
  const auto other = [&](Nanos t) { return ahead + t + std::llround(ppm * 1e-6 * static_cast<double>(t)); };
  Nanos t = 0;
  for (std::uint64_t id = 2; id < 2000; id += 2) {
    const Nanos there = t + way(), back = there + 1000, here = back + way();
    Packet(a, b, id, t, other(there));
    Packet(b, a, id | 1, other(back), here);
    t = here + 4000;
  }
  std::vector<Trace> traces;
  traces.push_back(a.Build());
  traces.push_back(b.Build());
  return RelateClocks(traces);
}

class Drift : public ::testing::TestWithParam<double> {};

TEST_P(Drift, IsFound) {
  constexpr Nanos kAhead = 123'456'789;
  const auto lines = Drifting(GetParam(), kAhead);
  ASSERT_TRUE(lines.at(1));
  const ClockLine& line = *lines[1];
  EXPECT_NEAR(line.drift * 1e6, GetParam(), 10);
  EXPECT_LT(line.uncertainty, 3000);
  for (Nanos t : {0, 5'000'000, 12'000'000}) {
    const Nanos ahead = kAhead + std::llround(GetParam() * 1e-6 * static_cast<double>(t));
    EXPECT_NEAR(static_cast<double>(line.Ahead(t)), static_cast<double>(ahead), 200) << t;
    EXPECT_NEAR(static_cast<double>(line.ToFirst(t + line.Ahead(t))), static_cast<double>(t), 1) << t;
  }
}

INSTANTIATE_TEST_SUITE_P(Ppm, Drift, ::testing::Values(0.0, 100.0, -480.0));

TEST(MergeHosts, WhatWasSentAgainSaysNothing) {
  TraceBuilder a, b;
  Packet(b, a, 3, 100, 110);
  b.At(90, Kind::homa_data_in, {2 ^ 1, 0, 100});
  a.At(95, Kind::homa_data_resend, {2, 0, 100});
  a.At(96, Kind::net_dev_start_xmit, {1, kProtoHoma, 0, 2, 0, 0});
  EXPECT_FALSE(MergeHosts({{a.Build(), {}}, {b.Build(), {}}}));
}

TEST(MergeHosts, ATcpSegmentThatWasSeenTwiceSaysNothing) {
  for (std::uint64_t dev : {1, 2}) {  // again on one device, or on another one below it
    TraceBuilder a, b;
    for (TraceBuilder* trace : {&a, &b}) {
      const bool back = trace == &b;
      trace->At(back ? 200 : 100, Kind::net_dev_start_xmit, {1, kProtoTcp, back, 5, 10, 0});
      trace->At(back ? 201 : 101, Kind::net_dev_start_xmit, {back ? 3 : dev, kProtoTcp, back, 5, 10, 0});
      trace->At(back ? 150 : 250, Kind::netif_rx, {1, kProtoTcp, !back, 5, 10, 0});
    }
    const std::vector<Trace> traces{a.Build(), b.Build()};
    EXPECT_EQ(RelateClocks(traces)[1].has_value(), dev == 2);
  }
}

}  // namespace
}  // namespace hs
