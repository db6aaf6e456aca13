// SPDX-License-Identifier: Apache-2.0
#include "stats/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace hs {
namespace {

constexpr unsigned kSubBits = 5;
constexpr std::uint64_t kSub = 1u << kSubBits;

std::size_t Index(std::uint64_t value) {
  if (value < 2 * kSub) return value;
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
  return (shift << kSubBits) + (value >> shift);
}

std::uint64_t LowerBound(std::size_t index) {
  if (index < 2 * kSub) return index;
  const std::size_t shift = (index >> kSubBits) - 1;
  return (kSub + (index & (kSub - 1))) << shift;
}

}  // namespace

void Histogram::Add(Nanos value, std::uint64_t count) {
  const std::size_t index = Index(static_cast<std::uint64_t>(std::max<Nanos>(value, 0)));
  if (index >= counts_.size()) counts_.resize(index + 1);
  counts_[index] += count;
  total_ += count;
}

void Histogram::Merge(const Histogram& other) {
  counts_.resize(std::max(counts_.size(), other.counts_.size()));
  for (std::size_t i = 0; i < other.counts_.size(); i++) counts_[i] += other.counts_[i];
  total_ += other.total_;
}

Nanos Histogram::Percentile(double fraction) const {
  const auto rank = static_cast<std::uint64_t>(
      std::max(1.0, std::ceil(fraction * static_cast<double>(total_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); i++) {
    seen += counts_[i];
    if (seen >= rank) return static_cast<Nanos>(LowerBound(i));
  }
  return 0;
}

std::vector<Histogram::Bucket> Histogram::Buckets() const {
  std::vector<Bucket> buckets;
  for (std::size_t i = 0; i < counts_.size(); i++)
    if (counts_[i] > 0)
      buckets.push_back({static_cast<Nanos>(LowerBound(i)), static_cast<Nanos>(LowerBound(i + 1)),
                         counts_[i]});
  return buckets;
}

}  // namespace hs
