// SPDX-License-Identifier: Apache-2.0
#include "timeline/rpc.h"

#include <gtest/gtest.h>

#include "attribute/testing.h"

namespace hs {
namespace {

using namespace hs::testing;

// The one RPC of a Homa trace, with its logs to be changed by the test.
struct Case {
  Script script = HomaRpc();
  Nanos from = 0;
  Nanos to = 1'000'000;
  bool lost = false;
  std::vector<RpcLog> logs = script.Logs(Transport::kHoma);

  std::map<std::string, std::uint64_t> Excluded() {
    Trace trace = script.trace.Build(from, to);
    trace.lost_before = lost;
    const Timeline timeline(trace);
    auto set = FindRpcs(timeline, logs);
    EXPECT_TRUE(set);
    std::uint64_t sum = set->rpcs.size();
    for (const auto& [reason, count] : set->excluded) sum += count;
    EXPECT_EQ(set->seen, sum);
    return set->excluded;
  }
};

using Reasons = std::map<std::string, std::uint64_t>;

TEST(FindRpcs, PairsClientAndServer) {
  Case c;
  const Trace trace = c.script.trace.Build();
  const Timeline timeline(trace);
  auto set = FindRpcs(timeline, c.logs);
  ASSERT_TRUE(set);
  ASSERT_EQ(set->rpcs.size(), 1u);
  const Rpc& rpc = set->rpcs[0];
  EXPECT_TRUE(rpc.has_server);
  EXPECT_EQ(rpc.request.sender_id, 1234u);
  EXPECT_EQ(rpc.response.sender_id, 1235u);
  EXPECT_EQ(rpc.request.recv_tid, kServer);
  EXPECT_EQ(rpc.response.recv_tid, kClient);
  EXPECT_EQ(rpc.response.begin - rpc.request.end, 1000);
}

TEST(FindRpcs, FlagsOfTheApplication) {
  Case c;
  c.logs[0].records[0].flags = RPCLOG_WARMUP;
  EXPECT_EQ(c.Excluded(), (Reasons{{"warmup", 1}}));
  c.logs[0].records[0].flags = RPCLOG_WARMUP | RPCLOG_ERROR;
  EXPECT_EQ(c.Excluded(), (Reasons{{"error", 1}}));
}

TEST(FindRpcs, EdgesAndLosses) {
  Case c;
  c.from = c.script.client.send_call_ns + 1;
  EXPECT_EQ(c.Excluded(), (Reasons{{"before_trace", 1}}));
  c.lost = true;
  EXPECT_EQ(c.Excluded(), (Reasons{{"lost_records", 1}}));
  c.from = 0;
  c.to = c.script.client.recv_return_ns - 1;
  EXPECT_EQ(c.Excluded(), (Reasons{{"after_trace", 1}}));
}

TEST(FindRpcs, TimesThatCannotBe) {
  Case c;
  c.logs[0].records[0].recv_return_ns = 1;
  EXPECT_EQ(c.Excluded(), (Reasons{{"bad_times", 1}}));
  c = Case();
  c.logs[1].records[0].send_call_ns = c.logs[1].records[0].recv_return_ns - 1;
  EXPECT_EQ(c.Excluded(), (Reasons{{"bad_times", 1}}));
}

TEST(FindRpcs, SidesThatAreMissing) {
  Case c;
  c.logs[1].records[0].rpc_id = 99;
  EXPECT_EQ(c.Excluded(), (Reasons{{"no_server_record", 1}}));
  c = Case();
  c.script.trace.events.clear();
  c.script.trace.At(1, Kind::irq_entry, {1}).At(999999, Kind::irq_entry, {1});
  EXPECT_EQ(c.Excluded(), (Reasons{{"no_events", 1}}));
}

TEST(FindRpcs, OneIdUsedTwiceAtATime) {
  Case c;
  c.logs[0].records.push_back(c.logs[0].records[0]);
  EXPECT_EQ(c.Excluded(), (Reasons{{"ambiguous_id", 2}}));
  c = Case();
  c.logs[1].records.push_back(c.logs[1].records[0]);
  EXPECT_EQ(c.Excluded(), (Reasons{{"ambiguous_id", 1}}));
  // One after the other is no conflict.
  c = Case();
  rpclog_record later = c.logs[0].records[0];
  later.send_call_ns = later.recv_return_ns;
  later.recv_return_ns += 10;
  c.logs[0].records.push_back(later);
  EXPECT_EQ(c.Excluded(), (Reasons{{"no_server_record", 1}}));
}

TEST(FindRpcs, WithoutLogs) {
  Case c;
  c.logs.clear();
  EXPECT_EQ(c.Excluded(), Reasons{});
  auto& events = c.script.trace.events;
  for (Event& e : events)
    if (e.kind == Kind::homa_recv_return && e.args[0] == 1234) e.args[2] = 0;
  EXPECT_EQ(c.Excluded(), (Reasons{{"error", 1}}));
  std::erase_if(events, [](const Event& e) { return e.kind == Kind::homa_recv_return; });
  EXPECT_EQ(c.Excluded(), (Reasons{{"incomplete", 1}}));
}

TEST(FindRpcs, LogsThatDoNotFit) {
  Case c;
  const Trace trace = c.script.trace.Build();
  const Timeline timeline(trace);
  auto logs = c.logs;
  logs[1].transport = Transport::kTcp;
  EXPECT_FALSE(FindRpcs(timeline, logs));
  logs = {c.logs[1]};
  EXPECT_FALSE(FindRpcs(timeline, logs)) << "no client";
  logs = {c.logs[0]};
  EXPECT_TRUE(FindRpcs(timeline, logs)) << "Homa's own events know the server";
  logs[0].transport = Transport::kUdp;
  EXPECT_FALSE(FindRpcs(timeline, logs)) << "UDP needs the server";
}

}  // namespace
}  // namespace hs
