// SPDX-License-Identifier: Apache-2.0
#include "timeline/cores.h"

#include <gtest/gtest.h>

#include "model/trace_builder.h"
#include "timeline/silence.h"

namespace hs {
namespace {

TEST(Cores, SoftirqsAndTheirRequests) {
  TraceBuilder b;
  b.Cpu(0).At(10, Kind::softirq_raise, {3}).At(20, Kind::softirq_entry, {3});
  b.At(30, Kind::softirq_exit, {3}).At(40, Kind::softirq_entry, {1}).At(50, Kind::softirq_exit, {1});
  b.Cpu(1).At(25, Kind::softirq_entry, {3});
  const Trace trace = b.Build();
  const Cores cores(trace);
  EXPECT_EQ(cores.NetRxEntry(0, 25), 20);
  EXPECT_EQ(cores.NetRxEntry(0, 30), 20);
  EXPECT_FALSE(cores.NetRxEntry(0, 31));
  EXPECT_FALSE(cores.NetRxEntry(0, 45)) << "another vector";
  EXPECT_FALSE(cores.NetRxEntry(7, 25)) << "unknown CPU";
  EXPECT_EQ(cores.SoftirqExit(0, 45), 50);
  EXPECT_EQ(cores.NetRxEntry(1, 1000), 25) << "still open at the end";
  EXPECT_FALSE(cores.SoftirqExit(1, 1000)) << "its end is not known";
  EXPECT_EQ(cores.LastNetRxRaise(0, 5, 20), 10);
  EXPECT_FALSE(cores.LastNetRxRaise(0, 11, 20));
}

TEST(Cores, HandlerWithoutExitEndsNowhere) {
  TraceBuilder b;
  b.At(10, Kind::softirq_entry, {3}).At(50, Kind::softirq_entry, {3}).At(60, Kind::softirq_exit, {3});
  const Trace trace = b.Build();
  const Cores cores(trace);
  EXPECT_FALSE(cores.NetRxEntry(0, 20));
  EXPECT_EQ(cores.NetRxEntry(0, 55), 50);
}

TEST(Cores, WhoRunsWhere) {
  TraceBuilder b;
  b.Cpu(1).At(10, Kind::sched_switch, {0, 0, 7}).At(30, Kind::sched_switch, {7, 1, 0});
  b.Cpu(0).At(40, Kind::sched_waking, {7, 1}).Cpu(2).At(50, Kind::sched_switch, {0, 0, 7});
  b.At(60, Kind::sched_switch, {7, 0, 8});
  const Trace trace = b.Build();
  const Cores cores(trace);
  EXPECT_FALSE(cores.Running(1, 9)) << "not known before the first switch";
  EXPECT_EQ(cores.Running(1, 10), 7u);
  EXPECT_EQ(cores.Running(1, 30), 0u);
  EXPECT_EQ(cores.Running(2, 60), 8u);
  EXPECT_EQ(cores.ThreadState(7, 9), nullptr);
  EXPECT_TRUE(cores.ThreadState(7, 20)->in);
  EXPECT_FALSE(cores.ThreadState(7, 35)->runnable);
  EXPECT_EQ(cores.ThreadState(7, 55)->cpu, 2);
  EXPECT_TRUE(cores.ThreadState(7, 60)->runnable);
  EXPECT_EQ(cores.ThreadSwitches(7, 10, 50).size(), 2u);
  EXPECT_EQ(cores.Switches(1, 0, 100).size(), 2u);
  EXPECT_EQ(cores.FirstWaking(7, 40, 100), 40);
  EXPECT_EQ(cores.LastWaking(7, 0, 40), 40);
  EXPECT_FALSE(cores.FirstWaking(7, 41, 100));
  EXPECT_FALSE(cores.LastWaking(9, 0, 100));
}

TEST(Silences, OnlyWhereSomethingHadToRun) {
  TraceBuilder b;
  b.Cpu(0).At(0, Kind::sched_switch, {5, 1, 0}).At(1 * kSilence, Kind::irq_entry, {0});
  b.Cpu(1).At(1 * kSilence + 1, Kind::sched_switch, {0, 0, 7});
  b.Cpu(0).At(2 * kSilence, Kind::irq_entry, {0});       // too short
  b.Cpu(0).At(4 * kSilence, Kind::irq_entry, {0});       // a thread is on CPU 1
  b.Cpu(1).At(4 * kSilence + 1, Kind::sched_switch, {7, 1, 0});
  b.Cpu(0).At(4 * kSilence + 2, Kind::softirq_entry, {3});
  b.Cpu(0).At(6 * kSilence + 2, Kind::softirq_exit, {3});  // a softirq is on CPU 0
  b.Cpu(0).At(9 * kSilence, Kind::irq_entry, {0});         // all idle
  const Trace trace = b.Build();
  const auto silences = FindSilences(trace);
  ASSERT_EQ(silences.size(), 2u);
  EXPECT_EQ(silences[0].from, 2 * kSilence);
  EXPECT_EQ(silences[0].to, 4 * kSilence);
  EXPECT_EQ(silences[1].from, 4 * kSilence + 2);
  EXPECT_EQ(silences[1].to, 6 * kSilence + 2);
}

}  // namespace
}  // namespace hs
