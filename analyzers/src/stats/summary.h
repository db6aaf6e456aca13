// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_STATS_SUMMARY_H
#define HOMASCOPE_STATS_SUMMARY_H

#include <cstdint>
#include <vector>

#include "base/nanos.h"

namespace hs {

// Exact figures of a set of durations. All 0 when it is empty.
struct Summary {
  std::uint64_t n = 0;
  Nanos p50 = 0;
  Nanos p90 = 0;
  Nanos p99 = 0;
  Nanos min = 0;
  Nanos max = 0;
  Nanos sum = 0;
  double mean = 0;
};

// Nearest rank: the smallest value that at least @fraction of all do not
// exceed. @sorted must not be empty.
Nanos Percentile(const std::vector<Nanos>& sorted, double fraction);

Summary Summarise(std::vector<Nanos> values);

}  // namespace hs

#endif  // HOMASCOPE_STATS_SUMMARY_H
