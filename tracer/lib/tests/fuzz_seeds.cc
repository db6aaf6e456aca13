// SPDX-License-Identifier: Apache-2.0
// fuzz_seeds DIRECTORY: small dumps for fuzz_reader.c to begin with; also such whose records hold several
// events, in the newest version and in 5.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "sample.h"

namespace timetrace_test {
namespace {

// Records of 6 u64 become such that hold others, in NAME-parts.ttd and NAME-parts5.ttd.
void HoldOthers(const std::string& name) {
  std::string dump = ReadFile(name + ".ttd");
  std::vector<uint8_t> types = {TT_U64, TT_U64, TT_U64, TT_U64, TT_U16, TT_U16, TT_U32, TT_U16,
                                TT_U8, TT_U8, TT_U32};
  const tt_dict_part same = {TT_ID_FIRST, TT_PART_SAME, TT_PART_SAME, {}};
  const tt_dict_part mixed = {TT_ID_FIRST + 2, 4, TT_PART_SAME, {0, 5, 6, TT_PART_ZERO, 1}};
  HoldParts(&dump, 3, types, {{TT_ID_FIRST + 1, 6, 5, {8}}, mixed, {TT_ID_FIRST, 10, 7, {}}, same});
  WriteFile(name + "-parts.ttd", dump);
  types = {TT_U64, TT_U64, TT_U64, TT_U64, TT_U16, TT_U16, TT_U32, TT_U64};
  HoldParts(&dump, 3, types, {mixed, same});
  MakeVersion5(&dump);
  WriteFile(name + "-parts5.ttd", dump);
}

}  // namespace
}  // namespace timetrace_test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds DIRECTORY\n");
    return 2;
  }
  auto events = timetrace_test::Dictionary();
  for (int records : {0, 3, 300}) {
    tt_writer* writer = tt_writer_new(events.data(), static_cast<uint32_t>(events.size()));
    std::mt19937_64 random(static_cast<uint64_t>(records));
    uint64_t time_ns = 0x1fff80000;
    for (int i = 0; i < records; i++) {
      uint64_t args[TT_MAX_ARGS];
      for (uint64_t& arg : args) arg = random() & random();
      time_ns += random() % 10000;
      tt_writer_add(writer, time_ns, i % 2, static_cast<uint32_t>(random() % events.size()), args);
      if (i == 200) tt_writer_lose(writer, 1, TT_LOSS_NESTED, 7);
    }
    char err[256];
    const std::string name = std::string(argv[1]) + "/" + std::to_string(records);
    if (tt_writer_save(writer, (name + ".ttd").c_str(), err, sizeof(err))) {
      std::fprintf(stderr, "fuzz_seeds: %s\n", err);
      return 1;
    }
    tt_writer_free(writer);
    timetrace_test::HoldOthers(name);
  }
  return 0;
}
