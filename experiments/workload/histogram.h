// SPDX-License-Identifier: Apache-2.0
// Log-linear histogram: values below 2^kSubBits have a bucket each, every further power of two is
// cut into 2^(kSubBits-1) equal buckets, so a bucket is never wider than its value / 512.
#ifndef RPCLOAD_HISTOGRAM_H_
#define RPCLOAD_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rpcload {

class Histogram {
 public:
  static constexpr int kSubBits = 10;
  static constexpr uint64_t kMaxValue = (uint64_t{1} << 40) - 1;  // larger values are clamped

  struct Bucket {
    uint64_t low, high;  // both inclusive
    uint64_t count;
  };

  Histogram();

  // Never allocates.
  void Add(uint64_t value);
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t min() const { return count_ ? min_ : 0; }
  uint64_t max() const { return max_; }
  double mean() const { return count_ ? sum_ / static_cast<double>(count_) : 0; }

  // The value at rank ceil(fraction * count), 0 < fraction <= 1: the middle of its bucket, kept
  // within [min, max]. 0 when empty.
  uint64_t Quantile(double fraction) const;

  // The buckets that are not empty, in order of value.
  std::vector<Bucket> Buckets() const;

  static size_t Index(uint64_t value);
  static uint64_t Low(size_t index);

 private:
  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t min_ = UINT64_MAX;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace rpcload

#endif  // RPCLOAD_HISTOGRAM_H_
