// SPDX-License-Identifier: Apache-2.0
#include "timeline/hosts.h"

#include <gtest/gtest.h>

#include "attribute/testing.h"

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

Tiles TilesOf(const Trace& trace) {
  const Timeline timeline(trace);
  auto set = FindRpcs(timeline, {});
  EXPECT_TRUE(set);
  EXPECT_EQ(set->rpcs.size(), 1u);
  const RpcTiles rpc = AttributeRpc(timeline, set->transport, set->rpcs.at(0));
  EXPECT_EQ(Sum(rpc), rpc.rtt);
  return NonZero(rpc);
}

class TwoHosts : public ::testing::TestWithParam<Nanos> {};

TEST_P(TwoHosts, AreExplainedLikeOne) {
  const Script script = HomaRpc();
  std::vector<Trace> halves{Half(script, false, 0), Half(script, true, GetParam())};
  auto merged = MergeHosts(std::move(halves));
  ASSERT_TRUE(merged) << merged.error().message;
  ASSERT_EQ(merged->clocks.size(), 1u);
  EXPECT_EQ(merged->clocks[0].host, "server");
  EXPECT_EQ(merged->clocks[0].ahead, GetParam());
  EXPECT_EQ(merged->clocks[0].uncertainty, 16 + 1);  // a packet is on its way for 16 ns
  EXPECT_EQ(merged->path, "client, server");
  EXPECT_EQ(merged->complete_from, 0);
  EXPECT_EQ(merged->complete_to, 1'000'000);
  EXPECT_EQ(TilesOf(*merged), TilesOf(script.trace.Build()));
}

INSTANTIATE_TEST_SUITE_P(Hosts, TwoHosts, ::testing::Values(0, 7'000'001, -5'000'000'000));

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
  auto merged = MergeHosts({a.Build(0, 10'000), b.Build(1100, 10'000), c.Build(0, 10'000)});
  ASSERT_TRUE(merged) << merged.error().message;
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
  auto merged = MergeHosts({a.Build(), b.Build()});
  ASSERT_FALSE(merged);
  EXPECT_NE(merged.error().message.find("in both directions"), std::string::npos);
}

TEST(MergeHosts, WhatWasSentAgainSaysNothing) {
  TraceBuilder a, b;
  Packet(b, a, 3, 100, 110);
  b.At(90, Kind::homa_data_in, {2 ^ 1, 0, 100});
  a.At(95, Kind::homa_data_resend, {2, 0, 100});
  a.At(96, Kind::net_dev_start_xmit, {1, kProtoHoma, 0, 2, 0, 0});
  EXPECT_FALSE(MergeHosts({a.Build(), b.Build()}));
}

}  // namespace
}  // namespace hs
