// SPDX-License-Identifier: Apache-2.0
// fuzz_seeds DIRECTORY: small dumps for fuzz_reader.c to begin with.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "sample.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds DIRECTORY\n");
    return 2;
  }
  auto events = timetrace_test::Dictionary();
  for (int records : {0, 3, 300}) {
    tt_writer* writer = tt_writer_new(events.data(), static_cast<uint32_t>(events.size()));
    std::mt19937_64 random(static_cast<uint64_t>(records));
    uint64_t time_ns = 1000;
    for (int i = 0; i < records; i++) {
      uint64_t args[TT_MAX_ARGS];
      for (uint64_t& arg : args) arg = random();
      time_ns += random() % 10000;
      tt_writer_add(writer, time_ns, i % 2, static_cast<uint32_t>(random() % events.size()), args);
      if (i == 200) tt_writer_lose(writer, 1, TT_LOSS_NESTED, 7);
    }
    char err[256];
    std::string path = std::string(argv[1]) + "/" + std::to_string(records) + ".ttd";
    if (tt_writer_save(writer, path.c_str(), err, sizeof(err))) {
      std::fprintf(stderr, "fuzz_seeds: %s\n", err);
      return 1;
    }
    tt_writer_free(writer);
  }
  return 0;
}
