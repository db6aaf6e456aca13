// SPDX-License-Identifier: Apache-2.0
#include "stats/summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace hs {

Nanos Percentile(const std::vector<Nanos>& sorted, double fraction) {
  const double rank = std::ceil(fraction * static_cast<double>(sorted.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return sorted[std::min(index, sorted.size() - 1)];
}

Summary Summarise(std::vector<Nanos> values) {
  Summary s;
  if (values.empty()) return s;
  std::sort(values.begin(), values.end());
  s.n = values.size();
  s.p50 = Percentile(values, 0.5);
  s.p90 = Percentile(values, 0.9);
  s.p99 = Percentile(values, 0.99);
  s.min = values.front();
  s.max = values.back();
  s.sum = std::accumulate(values.begin(), values.end(), Nanos{0});
  s.mean = static_cast<double>(s.sum) / static_cast<double>(s.n);
  return s;
}

}  // namespace hs
