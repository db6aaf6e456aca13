// SPDX-License-Identifier: Apache-2.0
// Records that hold several events.
#include <algorithm>
#include <cerrno>

#include "sample.h"

namespace timetrace_test {
namespace {

enum { kMessage, kStep, kHolder };  // events
constexpr uint16_t kMessageId = TT_ID_FIRST + kMessage, kStepId = TT_ID_FIRST + kStep;

// What a record holds: a message, at a time of 16 bits, and steps, at times of 32 bits on other CPUs.
struct __attribute__((packed)) Holder {
  uint64_t id;
  uint32_t length;
  uint16_t begin;
  uint32_t first;
  uint16_t first_cpu;
  uint32_t second;
  uint16_t second_cpu;
  uint16_t spare[3];
};

constexpr size_t kWords = sizeof(Holder) / sizeof(uint64_t);
static_assert(kWords * sizeof(uint64_t) == sizeof(Holder));

const std::vector<uint8_t> kTypes = {TT_U64, TT_U32, TT_U16, TT_U32, TT_U16, TT_U32,
                                     TT_U16, TT_U16, TT_U16, TT_U16};

tt_dict_part Part(uint16_t id, uint8_t time, uint8_t cpu, std::vector<uint8_t> args) {
  tt_dict_part part = {id, time, cpu, {}};
  args.resize(TT_MAX_EVENT_FIELDS, TT_PART_ZERO);
  std::copy(args.begin(), args.end(), part.args);
  return part;
}

const std::vector<tt_dict_part> kParts = {
    Part(kMessageId, 2, TT_PART_SAME, {0, 1}),
    Part(kStepId, 3, 4, {0}),
    Part(kStepId, 5, 6, {TT_PART_ZERO}),
};

class Parts : public ::testing::Test {
 protected:
  Parts() : writer_(nullptr, tt_writer_free) {
    std::vector<tt_event_desc> events(3);
    events[kMessage] = {"message", "test", "two fields", 2, {{"id", "id", TT_U64}, {"length", "bytes", TT_U32}}, 0, 1};
    events[kStep] = {"step", "test", "one field", 1, {{"id", "id", TT_U64}}, 0, 1};
    events[kHolder] = {"holder", "test", "both", kWords, {}, 0, 1};
    for (size_t i = 0; i < kWords; i++) events[kHolder].fields[i] = {"w", "raw", TT_U64};
    writer_.reset(tt_writer_new(events.data(), events.size()));
  }

  void Add(uint64_t time_ns, uint32_t cpu, const Holder& holder) {
    uint64_t args[kWords];
    std::memcpy(args, &holder, sizeof(holder));
    ASSERT_EQ(tt_writer_add(writer_.get(), time_ns, cpu, kHolder, args), 0);
  }

  std::string Dump(const std::vector<uint8_t>& types = kTypes,
                   const std::vector<tt_dict_part>& parts = kParts) {
    Save(writer_.get(), dir_.File("t"));
    std::string dump = ReadFile(dir_.File("t"));
    HoldParts(&dump, kHolder, types, parts);
    return dump;
  }

  Reading ReadBytes(const std::string& bytes) {
    WriteFile(dir_.File("t"), bytes);
    return Read(dir_.File("t"));
  }

  void ExpectRefused(const std::string& dump, const std::string& what) {
    Reading reading = ReadBytes(dump);
    EXPECT_EQ(reading.open_result, -EBADMSG) << what;
    EXPECT_NE(reading.error.find("dictionary"), std::string::npos) << reading.error;
  }

  TempDir dir_;
  Writer writer_;
};

TEST_F(Parts, ComeWhenAndWhereTheyHappened) {
  Add(0x500001000, 0, {7, 100, 0x0800, 0xfff, 1, 0x700, 2, {}});
  Add(0x500000900, 2, {8, 200, 0x0900, 0x8ff, 0, 0x8fe, 1, {}});
  Reading reading = ReadBytes(Dump());
  EXPECT_EQ(reading.error, "");
  EXPECT_TRUE(reading.events == (std::vector<Event>{
      {0x500000700, 2, kStep, {0}}, {0x500000800, 0, kMessage, {7, 100}}, {0x5000008fe, 1, kStep, {0}},
      {0x5000008ff, 0, kStep, {8}}, {0x500000900, 2, kMessage, {8, 200}}, {0x500000fff, 1, kStep, {7}}}));
  EXPECT_EQ(reading.produced, (std::vector<uint64_t>{1, 0, 1}));
}

TEST_F(Parts, TellTheirRing) {
  Add(0x500001000, 0, {7, 100, 0x0800, 0xfff, 1, 0, 0, {}});
  Add(0x500001000, 1, {7, 100, 0x0800, 0, 0, 0, 0, {}});
  WriteFile(dir_.File("u"), Dump());
  tt_reader* reader;
  char err[256];
  ASSERT_EQ(tt_open(dir_.File("u").c_str(), &reader, err, sizeof(err)), 0) << err;
  EXPECT_EQ(tt_event(reader, kHolder)->nargs, kTypes.size());
  std::vector<std::array<int, 3>> found;  // ring, CPU, part
  tt_record record;
  while (tt_next(reader, &record) == 1) found.push_back({record.ring, record.cpu, record.part});
  EXPECT_EQ(found, (std::vector<std::array<int, 3>>{{0, 0, 0}, {1, 1, 0}, {0, 1, 1}}));
  tt_close(reader);
}

TEST_F(Parts, WithoutTimeDidNotHappen) {
  Add(0x500010000, 0, {7, 100, 0, 0, 1, 0, 1, {}});  // 16 bits of 0 are a time
  Add(0x500020000, 1, {8, 100, 0, 0, 0, 0x1ffff, 0, {}});
  Reading reading = ReadBytes(Dump());
  EXPECT_EQ(reading.error, "");
  EXPECT_TRUE(reading.events == (std::vector<Event>{{0x500010000, 0, kMessage, {7, 100}},
                                                    {0x50001ffff, 0, kStep, {0}},
                                                    {0x500020000, 1, kMessage, {8, 100}}}));

  // A record can turn out to hold none, and is there nevertheless.
  reading = ReadBytes(Dump(kTypes, {kParts[1]}));
  EXPECT_EQ(reading.error, "");
  EXPECT_TRUE(reading.events.empty());
  EXPECT_EQ(reading.produced, (std::vector<uint64_t>{1, 1}));
}

TEST_F(Parts, LookBackAcrossAWrap) {
  Add(0x700000010, 0, {1, 0, 0xfff0, 0xfffffff0, 0, 0x11, 0, {}});
  Add(0x700000010, 1, {2, 0, 0x0010, 0x10, 1, 0xf, 1, {}});  // the same moment, and the one before
  Reading reading = ReadBytes(Dump());
  EXPECT_EQ(reading.error, "");
  EXPECT_TRUE(reading.events == (std::vector<Event>{
      {0x600000011, 0, kStep, {0}}, {0x6fffffff0, 0, kMessage, {1, 0}}, {0x6fffffff0, 0, kStep, {1}},
      {0x70000000f, 1, kStep, {0}}, {0x700000010, 1, kMessage, {2, 0}}, {0x700000010, 1, kStep, {2}}}));
}

TEST_F(Parts, OfNoCpuAreOfTheirRing) {
  const tt_thread thread = {100, 101, "worker"};
  ASSERT_EQ(tt_writer_set_thread(writer_.get(), 2, &thread), 0);
  Add(0x500001000, 1, {7, 0, 0x1000, 0xfff, 3, 0xffe, 2, {}});  // no ring at all, that of a thread
  Add(0x500001000, 0, {8, 0, 0x1000, 0xfff, 0xffff, 0xffe, 1, {}});
  Reading reading = ReadBytes(Dump());
  EXPECT_EQ(reading.error, "");
  EXPECT_TRUE(reading.events == (std::vector<Event>{
      {0x500000ffe, 1, kStep, {0}}, {0x500000ffe, 1, kStep, {0}}, {0x500000fff, 0, kStep, {8}},
      {0x500000fff, 1, kStep, {7}}, {0x500001000, 0, kMessage, {8, 0}}, {0x500001000, 1, kMessage, {7, 0}}}));
}

// Events that are older than many blocks before the one that has them.
TEST_F(Parts, AreSortedAcrossBlocks) {
  std::vector<Event> events;
  for (uint64_t i = 0; i < 5000; i++) {
    const uint32_t ring = i % 3 == 0;
    const uint64_t time = 0x4ffff0000 + i * 100, first = time - i * 7919 % 60000, second = time - i * 104729 % 5000000;
    Add(time, ring, {i, 1, static_cast<uint16_t>(time), static_cast<uint32_t>(first), 0,
                     static_cast<uint32_t>(second), 1, {}});
    events.push_back({time, ring, kMessage, {i, 1}});
    events.push_back({first, 0, kStep, {i}});
    events.push_back({second, 1, kStep, {0}});
  }
  Reading reading = ReadBytes(Dump());
  EXPECT_EQ(reading.error, "");
  ASSERT_EQ(reading.events.size(), events.size());
  for (size_t i = 1; i < events.size(); i++)
    ASSERT_LE(reading.events[i - 1].time_ns, reading.events[i].time_ns) << i;
  const auto less = [](const Event& a, const Event& b) {
    return std::tie(a.time_ns, a.cpu, a.event, a.args) < std::tie(b.time_ns, b.cpu, b.event, b.args);
  };
  std::sort(events.begin(), events.end(), less);
  std::sort(reading.events.begin(), reading.events.end(), less);
  EXPECT_TRUE(reading.events == events);
}

TEST_F(Parts, AreReadInVersion5) {
  const std::vector<uint8_t> types = {TT_U64, TT_U32, TT_U16, TT_U32, TT_U16, TT_U32, TT_U16, TT_U16};
  const std::vector<tt_dict_part> parts = {Part(kStepId, 2, TT_PART_SAME, {0}),
                                           Part(kMessageId, TT_PART_SAME, TT_PART_SAME, {0, 1})};
  uint64_t args[kWords] = {7, 0x0800ull << 32 | 100};
  Holder holder;
  std::memcpy(&holder, args, sizeof(holder));
  Add(0x500001000, 1, holder);
  std::string dump = Dump(types, parts);
  MakeVersion5(&dump);
  Reading reading = ReadBytes(dump);
  EXPECT_EQ(reading.error, "");
  EXPECT_TRUE(reading.events == (std::vector<Event>{{0x500000800, 1, kStep, {7}},
                                                    {0x500001000, 1, kMessage, {7, 100}}}));
  // What it did not have yet.
  dump = Dump(types, {Part(kStepId, 3, TT_PART_SAME, {0})});
  EXPECT_EQ(ReadBytes(dump).open_result, 0);
  MakeVersion5(&dump);
  ExpectRefused(dump, "time of 32 bits");
  dump = Dump(types, std::vector<tt_dict_part>(9, parts[0]));
  EXPECT_EQ(ReadBytes(dump).open_result, 0);
  MakeVersion5(&dump);
  ExpectRefused(dump, "9 parts");
}

TEST_F(Parts, OfTheLongestRecord) {
  std::vector<uint8_t> types(TT_MAX_FIELDS, TT_U32);  // 96 bytes
  for (int i = 0; i < 3; i++) types[i] = TT_U16;
  EXPECT_EQ(ReadBytes(Dump(types, std::vector<tt_dict_part>(TT_MAX_PARTS, kParts[0]))).error, "");
}

TEST_F(Parts, MalformedAreRefused) {
  const tt_dict_part good = kParts[0];
  EXPECT_EQ(ReadBytes(Dump(std::vector<uint8_t>(8, TT_U16), {})).open_result, 0);
  ExpectRefused(Dump(std::vector<uint8_t>(9, TT_U16), {}), "9 fields without parts");
  EXPECT_EQ(ReadBytes(Dump(std::vector<uint8_t>(24, TT_U16), {good})).open_result, 0);
  ExpectRefused(Dump(std::vector<uint8_t>(25, TT_U16), {good}), "25 fields");
  const tt_dict_part plain = Part(kStepId, TT_PART_SAME, TT_PART_SAME, {});
  EXPECT_EQ(ReadBytes(Dump(std::vector<uint8_t>(11, TT_U64), {plain})).open_result, 0);
  ExpectRefused(Dump(std::vector<uint8_t>(12, TT_U64), {plain}), "102 bytes");
  ExpectRefused(Dump(kTypes, std::vector<tt_dict_part>(TT_MAX_PARTS + 1, good)), "17 parts");
  for (const tt_dict_part& bad : {
           Part(kStepId, 0, TT_PART_SAME, {}),              // time of 64 bits
           Part(kStepId, 10, TT_PART_SAME, {}),             // no such field
           Part(kStepId, 2, 1, {}),                         // CPU of 32 bits
           Part(kStepId, 2, 10, {}),                        // no such field
           Part(kStepId, 2, TT_PART_SAME, {10}),            // no such field
           Part(TT_ID_FIRST + 3, 2, TT_PART_SAME, {}),      // no such event
           Part(TT_ID_FIRST + kHolder, 2, TT_PART_SAME, {}),  // holds others
       })
    ExpectRefused(Dump(kTypes, {good, bad}), std::to_string(bad.id) + " " + std::to_string(bad.time));
}

}  // namespace
}  // namespace timetrace_test
