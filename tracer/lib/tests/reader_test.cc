// SPDX-License-Identifier: Apache-2.0
#include <timetrace/record.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>

#include "sample.h"

namespace timetrace_test {
namespace {

uint64_t Truncate(uint64_t value, tt_type type) {
  switch (type) {
    case TT_U8: return static_cast<uint8_t>(value);
    case TT_U16: return static_cast<uint16_t>(value);
    case TT_U32: return static_cast<uint32_t>(value);
    case TT_S32: return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(value)));
    case TT_U64: return value;
  }
  return 0;
}

// Random events with small and huge gaps, as they would be read back.
std::vector<Event> RandomEvents(unsigned seed, size_t n, uint32_t cpus) {
  std::mt19937_64 random(seed);
  auto dictionary = Dictionary();
  std::vector<uint64_t> now(cpus, 1000000);
  std::vector<Event> events;
  for (size_t i = 0; i < n; i++) {
    uint32_t cpu = static_cast<uint32_t>(random() % cpus);
    uint32_t id = static_cast<uint32_t>(random() % dictionary.size());
    now[cpu] += 1 + random() % (random() % 50 == 0 ? 100000000000ull : 2000);
    Event event{now[cpu], cpu, id, {}};
    for (unsigned k = 0; k < dictionary[id].nargs; k++)
      event.args.push_back(Truncate(random(), dictionary[id].fields[k].type));
    events.push_back(event);
  }
  return events;
}

void Add(tt_writer* writer, const std::vector<Event>& events) {
  for (const Event& e : events)
    ASSERT_EQ(tt_writer_add(writer, e.time_ns, e.cpu, e.event, e.args.data()), 0);
}

void SortByTime(std::vector<Event>* events) {
  std::stable_sort(events->begin(), events->end(), [](const Event& a, const Event& b) {
    return std::tie(a.time_ns, a.cpu) < std::tie(b.time_ns, b.cpu);
  });
}

TEST(Reader, GivesBackWhatWasWritten) {
  TempDir dir;
  for (uint32_t cpus : {1u, 2u, 7u}) {
    auto events = RandomEvents(cpus, 20000, cpus);
    Writer writer = NewWriter();
    Add(writer.get(), events);
    Save(writer.get(), dir.File("t"));
    SortByTime(&events);
    Reading reading = Read(dir.File("t"));
    ASSERT_EQ(reading.open_result, 0) << reading.error;
    EXPECT_EQ(reading.error, "");
    EXPECT_EQ(reading.next_result, 0);
    ASSERT_EQ(reading.events.size(), events.size());
    EXPECT_TRUE(reading.events == events);
    uint64_t produced = 0;
    for (uint64_t p : reading.produced) produced += p;
    EXPECT_EQ(produced, events.size());
    for (uint64_t since : reading.complete_since) EXPECT_EQ(since, 0u);
  }
}

TEST(Reader, RingsOfThreadsComeAfterThoseOfCpus) {
  TempDir dir;
  Writer writer = NewWriter();
  const tt_thread thread = {100, 101, "worker"};
  ASSERT_EQ(tt_writer_set_thread(writer.get(), 5, &thread), 0);
  const tt_thread nobody = {};
  EXPECT_EQ(tt_writer_set_thread(writer.get(), 6, &nobody), -EINVAL);
  const uint64_t args[] = {1};
  ASSERT_EQ(tt_writer_add(writer.get(), 2000, 1, 1, args), 0);
  ASSERT_EQ(tt_writer_add(writer.get(), 1000, 5, 1, args), 0);
  ASSERT_EQ(tt_writer_lose(writer.get(), 5, TT_LOSS_NESTED, 7), 0);
  Save(writer.get(), dir.File("t"));

  tt_reader* reader;
  char err[256];
  ASSERT_EQ(tt_open(dir.File("t").c_str(), &reader, err, sizeof(err)), 0) << err;
  EXPECT_EQ(tt_info(reader)->cpus, 6u);
  EXPECT_EQ(tt_info(reader)->first_thread, 5u);
  tt_thread found = {};
  for (uint32_t cpu : {0u, 1u, 4u, 6u}) EXPECT_EQ(tt_thread_of(reader, cpu, &found), -EINVAL);
  ASSERT_EQ(tt_thread_of(reader, 5, &found), 0);
  EXPECT_EQ(found.pid, 100u);
  EXPECT_EQ(found.tid, 101u);
  EXPECT_STREQ(found.comm, "worker");
  EXPECT_EQ(tt_lost(reader, 5, TT_LOSS_NESTED), 7u);
  tt_record record;
  ASSERT_EQ(tt_next(reader, &record), 1);
  EXPECT_EQ(record.cpu, 5);
  ASSERT_EQ(tt_next(reader, &record), 1);
  EXPECT_EQ(record.cpu, 1);
  EXPECT_STREQ(tt_error(reader), "");
  tt_close(reader);
}

// An interrupt that records a lot between a writer's clock reading and its
// claim puts the writer's record many blocks late.
TEST(Reader, SortsAcrossBlocks) {
  TempDir dir;
  std::vector<Event> events;
  for (uint64_t i = 0; i < 5000; i++) events.push_back({10000000 + i * 100, 0, 1, {i & 0xff}});
  for (size_t from : {10u, 700u, 2000u, 4000u}) {
    Event late = events[from];
    events.erase(events.begin() + static_cast<long>(from));
    events.insert(events.begin() + static_cast<long>(from) + 900, late);
  }
  Writer writer = NewWriter();
  Add(writer.get(), events);
  Save(writer.get(), dir.File("t"));
  SortByTime(&events);
  EXPECT_TRUE(Read(dir.File("t")).events == events);
}

TEST(Reader, SortsTimesInReverse) {
  TempDir dir;
  std::vector<Event> events;
  for (uint64_t i = 0; i < 20000; i++) events.push_back({(30000 - i) * 1000000, 0, 0, {}});
  Writer writer = NewWriter();
  Add(writer.get(), events);
  Save(writer.get(), dir.File("t"));
  SortByTime(&events);
  EXPECT_TRUE(Read(dir.File("t")).events == events);
}

TEST(Reader, RewindsToTheFirstRecord) {
  TempDir dir;
  Writer writer = NewWriter();
  Add(writer.get(), RandomEvents(3, 3000, 2));
  Save(writer.get(), dir.File("t"));
  tt_reader* reader;
  char err[256];
  ASSERT_EQ(tt_open(dir.File("t").c_str(), &reader, err, sizeof(err)), 0) << err;
  tt_record first, record;
  ASSERT_EQ(tt_next(reader, &first), 1);
  size_t rest = 0;
  while (tt_next(reader, &record) == 1) rest++;
  EXPECT_EQ(rest, 2999u);
  tt_rewind(reader);
  ASSERT_EQ(tt_next(reader, &record), 1);
  EXPECT_EQ(record.time_ns, first.time_ns);
  tt_close(reader);
}

TEST(Reader, DescribesTheTrace) {
  TempDir dir;
  Writer writer = NewWriter();
  tt_writer_set_host(writer.get(), "node1", "6.12.0");
  tt_writer_set_dump_time(writer.get(), 42);
  Save(writer.get(), dir.File("t"));
  tt_reader* reader;
  char err[256];
  ASSERT_EQ(tt_open(dir.File("t").c_str(), &reader, err, sizeof(err)), 0) << err;
  EXPECT_STREQ(tt_info(reader)->host, "node1");
  EXPECT_STREQ(tt_info(reader)->release, "6.12.0");
  EXPECT_STREQ(tt_info(reader)->clock, "monotonic");
  EXPECT_EQ(tt_info(reader)->dump_time_ns, 42u);
  EXPECT_EQ(tt_info(reader)->events, 4u);
  EXPECT_EQ(tt_find_event(reader, "mixed"), 2);
  EXPECT_EQ(tt_find_event(reader, "nothing"), -1);
  const tt_event_desc* mixed = tt_event(reader, 2);
  ASSERT_NE(mixed, nullptr);
  EXPECT_STREQ(mixed->group, "test");
  EXPECT_EQ(mixed->nargs, 5u);
  EXPECT_STREQ(mixed->fields[3].name, "d");
  EXPECT_STREQ(mixed->fields[2].unit, "ns");
  EXPECT_EQ(mixed->fields[3].type, TT_S32);
  EXPECT_EQ(tt_event(reader, 3)->missing, 1);
  EXPECT_EQ(tt_event(reader, 3)->on, 0);
  EXPECT_EQ(tt_event(reader, 4), nullptr);
  tt_record record;
  EXPECT_EQ(tt_next(reader, &record), 0);
  tt_close(reader);
}

TEST(Reader, CountsLossesAndKnowsSinceWhen) {
  TempDir dir;
  Writer writer = NewWriter();
  tt_writer* w = writer.get();
  ASSERT_EQ(tt_writer_lose(w, 0, TT_LOSS_OVERWRITTEN, 100), 0);
  Add(w, {{5000, 0, 0, {}}, {6000, 0, 0, {}}});
  ASSERT_EQ(tt_writer_lose(w, 0, TT_LOSS_NESTED, 3), 0);
  Add(w, {{7000, 0, 0, {}}});
  Add(w, {{100, 1, 0, {}}, {200, 1, 0, {}}});
  ASSERT_EQ(tt_writer_lose(w, 1, TT_LOSS_FROZEN, 7), 0);
  Add(w, {{50, 2, 0, {}}});
  ASSERT_EQ(tt_writer_lose(w, 2, TT_LOSS_READER, 4), 0);
  Add(w, {{900, 2, 0, {}}});
  EXPECT_EQ(tt_writer_lose(w, 2, TT_LOSS_OVERWRITTEN, 1), -EINVAL);
  Save(w, dir.File("t"));
  Reading reading = Read(dir.File("t"));
  EXPECT_EQ(reading.error, "");
  EXPECT_EQ(reading.produced, (std::vector<uint64_t>{106, 9, 6}));
  EXPECT_EQ(reading.lost[0][TT_LOSS_OVERWRITTEN], 100u);
  EXPECT_EQ(reading.lost[0][TT_LOSS_NESTED], 3u);
  EXPECT_EQ(reading.lost[1][TT_LOSS_FROZEN], 7u);
  EXPECT_EQ(reading.lost[2][TT_LOSS_READER], 4u);
  // CPU 1 lost only what came after its last record.
  EXPECT_EQ(reading.complete_since, (std::vector<uint64_t>{7000, 0, 900}));
}

// Ticks of 4 to a nanosecond: what the writer wrote as ns is taken for ticks.
TEST(Reader, ConvertsTicks) {
  TempDir dir;
  auto ns = [](uint64_t ticks) { return 1000000 + ticks / 4; };
  std::vector<Event> events;
  for (uint64_t i = 1; i <= 3000; i++) events.push_back({i * 40000, 0, 1, {i & 0xff}});
  Writer writer = NewWriter();
  Add(writer.get(), events);
  Save(writer.get(), dir.File("t"));
  std::string bytes = ReadFile(dir.File("t"));
  tt_file_header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  header.time_ns = ns(header.time_ticks);
  header.begin_ns = ns(0);
  std::memcpy(bytes.data(), &header, sizeof(header));
  for (uint64_t i = 0; i < header.blocks; i++) {
    char* at = &bytes[header.header_bytes + header.dictionary_bytes + i * header.block_bytes];
    uint64_t time_ns;
    std::memcpy(&time_ns, at + offsetof(tt_block, time_ticks), sizeof(time_ns));
    time_ns = ns(time_ns);
    std::memcpy(at + offsetof(tt_block, time_ns), &time_ns, sizeof(time_ns));
  }
  WriteFile(dir.File("u"), bytes);
  for (Event& event : events) event.time_ns = ns(event.time_ns);
  Reading reading = Read(dir.File("u"));
  EXPECT_EQ(reading.error, "");
  EXPECT_TRUE(reading.events == events);
}

TEST(Writer, RefusesWhatCannotBeWritten) {
  auto events = Dictionary();
  events[0].nargs = TT_MAX_ARGS + 1;
  EXPECT_EQ(tt_writer_new(events.data(), events.size()), nullptr);
  Writer writer = NewWriter();
  EXPECT_EQ(tt_writer_add(writer.get(), 1, 0, 4, nullptr), -EINVAL);
  EXPECT_EQ(tt_writer_add(writer.get(), 1, 100000, 0, nullptr), -EINVAL);
  char err[256] = "";
  EXPECT_NE(tt_writer_save(writer.get(), "/nonexistent/x", err, sizeof(err)), 0);
  EXPECT_NE(std::string(err).find("/nonexistent/x"), std::string::npos);
}

}  // namespace
}  // namespace timetrace_test
