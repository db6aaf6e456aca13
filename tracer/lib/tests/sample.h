// SPDX-License-Identifier: Apache-2.0
// Synthetic dumps and whole-file helpers shared by the reader's tests.
#ifndef TIMETRACE_TESTS_SAMPLE_H_
#define TIMETRACE_TESTS_SAMPLE_H_

#include <gtest/gtest.h>
#include <stdlib.h>
#include <timetrace/reader.h>
#include <timetrace/record.h>
#include <timetrace/writer.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace timetrace_test {

struct Event {
  uint64_t time_ns;
  uint32_t cpu;
  uint32_t event;
  std::vector<uint64_t> args;

  bool operator==(const Event& o) const {
    return std::tie(time_ns, cpu, event, args) == std::tie(o.time_ns, o.cpu, o.event, o.args);
  }
};

// One event of each arity and type, so that every size of record occurs.
inline std::vector<tt_event_desc> Dictionary() {
  std::vector<tt_event_desc> events(4);
  events[0] = {"none", "test", "no fields", 0, {}, 0, 1};
  events[1] = {"byte", "test", "one byte", 1, {{"a", "count", TT_U8}}, 0, 1};
  events[2] = {"mixed", "test", "every type", 5,
               {{"a", "count", TT_U8}, {"b", "count", TT_U16}, {"c", "ns", TT_U32},
                {"d", "count", TT_S32}, {"e", "id", TT_U64}}, 0, 1};
  events[3] = {"six", "other", "all fields", 6,
               {{"a", "id", TT_U64}, {"b", "id", TT_U64}, {"c", "id", TT_U64},
                {"d", "id", TT_U64}, {"e", "id", TT_U64}, {"f", "id", TT_U64}}, 1, 0};
  return events;
}

class TempDir {
 public:
  TempDir() {
    std::string t = ::testing::TempDir() + "timetraceXXXXXX";
    path_ = mkdtemp(t.data());
  }
  ~TempDir() {
    std::string cmd = "rm -rf '" + path_ + "'";
    if (system(cmd.c_str()) != 0) ADD_FAILURE() << cmd;
  }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

using Writer = std::unique_ptr<tt_writer, decltype(&tt_writer_free)>;

inline Writer NewWriter() {
  auto events = Dictionary();
  return Writer(tt_writer_new(events.data(), events.size()), tt_writer_free);
}

inline void Save(tt_writer* writer, const std::string& path) {
  char err[256] = "";
  ASSERT_EQ(tt_writer_save(writer, path.c_str(), err, sizeof(err)), 0) << err;
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

inline void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// Puts @dictionary in the place of that of the dump, and makes right what counts and protects its bytes.
inline void SetDictionary(std::string* dump, const std::string& dictionary) {
  tt_file_header header;
  std::memcpy(&header, dump->data(), sizeof(header));
  dump->replace(header.header_bytes, header.dictionary_bytes, dictionary);
  header.dictionary_bytes = static_cast<uint32_t>(dictionary.size());
  header.dictionary_hash = TT_FNV_BASIS;
  for (char c : dictionary)
    header.dictionary_hash = (header.dictionary_hash ^ static_cast<uint8_t>(c)) * TT_FNV_PRIME;
  dump->replace(0, sizeof(header), reinterpret_cast<const char*>(&header), sizeof(header));
  const uint64_t bytes = dump->size();
  dump->replace(bytes - sizeof(bytes), sizeof(bytes), reinterpret_cast<const char*>(&bytes), sizeof(bytes));
}

// The entries of the dictionary of a dump, with their strings and parts.
inline std::vector<std::string> Entries(const std::string& dump) {
  tt_file_header header;
  std::memcpy(&header, dump.data(), sizeof(header));
  std::vector<std::string> entries;
  size_t at = header.header_bytes;
  for (uint32_t i = 0; i < header.events; i++) {
    uint16_t bytes;
    std::memcpy(&bytes, &dump[at], sizeof(bytes));
    entries.push_back(dump.substr(at, bytes));
    at += bytes;
  }
  return entries;
}

inline std::string Join(const std::vector<std::string>& entries) {
  std::string all;
  for (const std::string& entry : entries) all += entry;
  return all;
}

// Makes records of an event of the dump, which the writer took for one without parts, hold others: they
// have fields of @types instead, of as many bytes in all.
inline void HoldParts(std::string* dump, uint32_t event, const std::vector<uint8_t>& types,
                      const std::vector<tt_dict_part>& parts) {
  auto entries = Entries(*dump);
  tt_dict_entry entry;
  std::memcpy(&entry, entries[event].data(), sizeof(entry));
  std::string strings = entries[event].substr(sizeof(entry));
  size_t end = 0;
  for (int i = 0; i < 3; i++) end = strings.find('\0', end) + 1;
  strings.resize(end);
  std::memset(entry.types, 0, sizeof(entry.types));
  for (size_t i = 0; i < types.size(); i++) {
    if (i < TT_MAX_FIELDS) entry.types[i] = types[i];
    strings += std::string("f\0u\0", 4);
  }
  strings.resize((strings.size() + 3) / 4 * 4);
  entry.nfields = static_cast<uint8_t>(types.size());
  entry.nparts = static_cast<uint8_t>(parts.size());
  const size_t part_bytes = parts.size() * sizeof(tt_dict_part);
  entry.bytes = static_cast<uint16_t>(sizeof(entry) + strings.size() + part_bytes);
  entries[event] = std::string(reinterpret_cast<const char*>(&entry), sizeof(entry)) + strings +
                   std::string(reinterpret_cast<const char*>(parts.data()), part_bytes);
  SetDictionary(dump, Join(entries));
}

// The same dump as version 5 would have it: shorter entries of the dictionary, and parts without CPU.
inline void MakeVersion5(std::string* dump) {
  constexpr size_t kTypesAt = 6, kTypes = 8, kPartBytes = 12, kArgsAt = 3;
  (*dump)[offsetof(tt_file_header, version)] = 5;
  auto entries = Entries(*dump);
  for (std::string& entry : entries) {
    const size_t nparts = static_cast<uint8_t>(entry[offsetof(tt_dict_entry, nparts)]);
    for (size_t i = 1; i <= nparts; i++) {
      const size_t part = entry.size() - i * kPartBytes;
      entry.erase(part + kArgsAt, 1);
      entry.insert(part + kPartBytes - 1, 1, '\0');
    }
    entry.erase(kTypesAt + kTypes, TT_MAX_FIELDS - kTypes);
    const uint16_t bytes = static_cast<uint16_t>(entry.size());
    std::memcpy(entry.data(), &bytes, sizeof(bytes));
  }
  SetDictionary(dump, Join(entries));
}

// Everything a reader says, or the reason why it refuses.
struct Reading {
  int open_result = 0;
  int next_result = 0;
  std::string error;
  std::vector<Event> events;
  std::vector<uint64_t> produced, complete_since;
  std::vector<std::array<uint64_t, TT_LOSS_REASONS>> lost;
};

inline Reading Read(const std::string& path) {
  Reading result;
  tt_reader* reader = nullptr;
  char err[256] = "";
  result.open_result = tt_open(path.c_str(), &reader, err, sizeof(err));
  if (result.open_result != 0) {
    result.error = err;
    return result;
  }
  tt_record record;
  while ((result.next_result = tt_next(reader, &record)) == 1) {
    result.events.push_back({record.time_ns, record.cpu, record.event,
                             {record.args, record.args + record.nargs}});
  }
  for (uint32_t cpu = 0; cpu < tt_info(reader)->cpus; cpu++) {
    result.produced.push_back(tt_produced(reader, cpu));
    result.complete_since.push_back(tt_complete_since_ns(reader, cpu));
    auto& lost = result.lost.emplace_back();
    for (int r = 0; r < TT_LOSS_REASONS; r++)
      lost[r] = tt_lost(reader, cpu, static_cast<tt_loss>(r));
  }
  result.error = tt_error(reader);
  tt_close(reader);
  return result;
}

}  // namespace timetrace_test

#endif  // TIMETRACE_TESTS_SAMPLE_H_
