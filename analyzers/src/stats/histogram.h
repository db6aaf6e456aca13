// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_STATS_HISTOGRAM_H
#define HOMASCOPE_STATS_HISTOGRAM_H

#include <cstdint>
#include <vector>

#include "base/nanos.h"

namespace hs {

// Counts of durations in log-linear buckets: every power of two is divided
// into 32 equal parts, so that a bucket is at most 1/32 of its lower bound
// wide; below 64 ns buckets are exact. Histograms of different runs can be
// merged, which percentiles cannot.
class Histogram {
 public:
  struct Bucket {
    Nanos low;
    Nanos high;  // exclusive
    std::uint64_t count;
  };

  // Negative values count as 0.
  void Add(Nanos value, std::uint64_t count = 1);
  void Merge(const Histogram& other);
  std::uint64_t total() const { return total_; }

  // Lower bound of the bucket that holds the nearest-rank percentile; 0 when empty.
  Nanos Percentile(double fraction) const;

  // Those that are not empty, in ascending order.
  std::vector<Bucket> Buckets() const;

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
};

}  // namespace hs

#endif  // HOMASCOPE_STATS_HISTOGRAM_H
