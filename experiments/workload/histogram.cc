// SPDX-License-Identifier: Apache-2.0
#include "histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace rpcload {
namespace {

constexpr uint64_t kLinear = uint64_t{1} << Histogram::kSubBits;
constexpr uint64_t kHalf = kLinear / 2;

}  // namespace

size_t Histogram::Index(uint64_t value) {
  if (value < kLinear) return value;
  // shift makes the value a kSubBits-wide number with its top bit set: kHalf .. kLinear-1.
  int shift = std::bit_width(value) - kSubBits;
  return static_cast<size_t>(shift) * kHalf + (value >> shift);
}

uint64_t Histogram::Low(size_t index) {
  if (index < kLinear) return index;
  size_t shift = index / kHalf - 1;
  return (index - shift * kHalf) << shift;
}

Histogram::Histogram() : counts_(Index(kMaxValue) + 1) {}

void Histogram::Add(uint64_t value) {
  value = std::min(value, kMaxValue);
  counts_[Index(value)]++;
  count_++;
  sum_ += static_cast<double>(value);
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < counts_.size(); i++) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

uint64_t Histogram::Quantile(double fraction) const {
  if (!count_) return 0;
  // The subtracted epsilon keeps 0.9 * 10 at rank 9 although 0.9 is stored a little too large.
  double exact = fraction * static_cast<double>(count_);
  auto rank = static_cast<uint64_t>(std::ceil(exact - 1e-9 * exact));
  rank = std::clamp<uint64_t>(rank, 1, count_);
  uint64_t seen = 0;
  size_t i = 0;
  while ((seen += counts_[i]) < rank) i++;
  uint64_t low = Low(i);
  return std::clamp(low + (Low(i + 1) - low) / 2, min_, max_);
}

std::vector<Histogram::Bucket> Histogram::Buckets() const {
  std::vector<Bucket> buckets;
  for (size_t i = 0; i < counts_.size(); i++)
    if (counts_[i]) buckets.push_back({Low(i), Low(i + 1) - 1, counts_[i]});
  return buckets;
}

}  // namespace rpcload
