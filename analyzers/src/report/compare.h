// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_REPORT_COMPARE_H
#define HOMASCOPE_REPORT_COMPARE_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hs {

// The figures of one `homascope attribute --json` file that can be compared:
// means, because only they add up.
struct Arm {
  std::string path;
  std::string transport;
  std::uint64_t rpcs = 0;
  double rtt_mean = 0;
  std::vector<std::pair<std::string, double>> cause_means;
  std::vector<std::pair<std::string, double>> tile_means;
};

// What the mean round trip gains from arm @from to arm @to. The items of each
// list add up to @rtt; the largest come first.
struct Difference {
  struct Item {
    std::string name;
    double from = 0;
    double to = 0;
    double difference() const { return to - from; }
  };
  std::size_t from = 0;
  std::size_t to = 0;
  double rtt = 0;
  std::vector<Item> causes;
  std::vector<Item> tiles;
};

struct Comparison {
  std::vector<Arm> arms;
  std::vector<Difference> differences;  // of every further arm from the first
};

// Reads the JSON of an arm; its parts must add up to its mean round trip.
Result<Arm> ReadArm(const std::string& path);

Comparison Compare(std::vector<Arm> arms);

}  // namespace hs

#endif  // HOMASCOPE_REPORT_COMPARE_H
