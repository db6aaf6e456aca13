// SPDX-License-Identifier: Apache-2.0
#include "read/timetrace.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "timetrace/writer.h"

namespace hs {
namespace {

constexpr tt_field Field(const char* name, tt_type type) { return {name, "", type}; }

tt_event_desc Describe(const char* name, const char* group, std::vector<tt_field> fields) {
  tt_event_desc event{};
  event.name = name;
  event.group = group;
  event.doc = "";
  event.nargs = static_cast<unsigned>(fields.size());
  std::copy(fields.begin(), fields.end(), event.fields);
  return event;
}

// A dictionary of another version: fields in another order, one more of them,
// an event without a field we need, and one we have never heard of.
const tt_event_desc kDictionary[] = {
    Describe("sched_switch", "sched",
             {Field("next_tid", TT_U32), Field("comm", TT_U32), Field("prev_tid", TT_U32),
              Field("prev_state", TT_U8)}),
    Describe("homa_handoff", "homa", {Field("rpc_id", TT_U64)}),
    Describe("news", "other", {Field("value", TT_U32)}),
    Describe("softirq_entry", "softirq", {Field("vec", TT_U8)}),
};
enum { kSwitch, kHandoff, kNews, kEntry };

class TimetraceFile : public ::testing::Test {
 protected:
  TimetraceFile() : writer(tt_writer_new(kDictionary, 4)) {}
  ~TimetraceFile() override { tt_writer_free(writer); }

  void Add(std::uint64_t time, std::uint32_t cpu, std::uint32_t event,
           std::initializer_list<std::uint64_t> args) {
    ASSERT_EQ(tt_writer_add(writer, time, cpu, event, args.begin()), 0);
  }
  Result<Trace> Read() {
    char error[256] = "";
    EXPECT_EQ(tt_writer_save(writer, path.c_str(), error, sizeof(error)), 0) << error;
    return ReadTimetrace(path);
  }

  tt_writer* writer;
  std::string path = ::testing::TempDir() + "timetrace_test." + std::to_string(getpid());
};

TEST_F(TimetraceFile, FieldsAreMatchedByName) {
  tt_writer_set_dump_time(writer, 5000);
  Add(2000, 1, kEntry, {3});
  Add(1000, 0, kSwitch, {7, 99, 6, 1});
  Add(3000, 0, kHandoff, {42});
  Add(3500, 0, kNews, {1});
  auto trace = Read();
  ASSERT_TRUE(trace) << trace.error().message;
  ASSERT_EQ(trace->events().size(), 2u);
  const Event& first = trace->events()[0];
  EXPECT_EQ(first.kind, Kind::sched_switch);
  EXPECT_EQ(first.time, 1000);
  EXPECT_EQ(first.args[arg::sched_switch::prev_tid], 6u);
  EXPECT_EQ(first.args[arg::sched_switch::prev_state], 1u);
  EXPECT_EQ(first.args[arg::sched_switch::next_tid], 7u);
  EXPECT_EQ(trace->events()[1].cpu, 1);
  EXPECT_TRUE(trace->has(Kind::softirq_entry));
  EXPECT_FALSE(trace->has(Kind::homa_handoff));
  EXPECT_EQ(trace->stats.records, 4u);
  EXPECT_EQ(trace->stats.produced, 4u);
  EXPECT_EQ(trace->stats.unused, (std::map<std::string, std::uint64_t>{{"homa_handoff", 1}, {"news", 1}}));
  EXPECT_FALSE(trace->lost_before);
  EXPECT_EQ(trace->complete_from, 1000);
  EXPECT_EQ(trace->complete_to, 5000);
}

TEST_F(TimetraceFile, OverwrittenRecordsMoveTheBeginning) {
  tt_writer_set_dump_time(writer, 5000);
  ASSERT_EQ(tt_writer_lose(writer, 1, TT_LOSS_OVERWRITTEN, 10), 0);
  Add(1000, 0, kEntry, {3});
  Add(2000, 1, kEntry, {3});
  auto trace = Read();
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_TRUE(trace->lost_before);
  EXPECT_EQ(trace->stats.lost["overwritten"], 10u);
  EXPECT_GT(trace->complete_from, 1000);
  EXPECT_LE(trace->complete_from, 2000);
}

TEST_F(TimetraceFile, FreezeEndsTheTraceAndAFullRingItsCpu) {
  tt_writer_set_dump_time(writer, 5000);
  Add(1000, 0, kEntry, {3});
  Add(2000, 1, kEntry, {3});
  ASSERT_EQ(tt_writer_lose(writer, 0, TT_LOSS_FROZEN, 4), 0);
  auto trace = Read();
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->complete_to, 2000);
  ASSERT_EQ(tt_writer_lose(writer, 0, TT_LOSS_FULL, 4), 0);
  trace = Read();
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->complete_to, 1000);
}

TEST_F(TimetraceFile, OtherFilesAreRefusedInOneLine) {
  std::ofstream(path) << "not a trace";
  auto trace = ReadTimetrace(path);
  ASSERT_FALSE(trace);
  EXPECT_NE(trace.error().message.find(path), std::string::npos);
  EXPECT_EQ(trace.error().message.find('\n'), std::string::npos);
  EXPECT_FALSE(ReadTimetrace("/nonexistent"));
}

}  // namespace
}  // namespace hs
