// SPDX-License-Identifier: Apache-2.0
#include "model/trace.h"

#include <algorithm>

namespace hs {

void Trace::Finish() {
  for (std::size_t i = 0; i < events_.size(); i++) {
    counts_[static_cast<unsigned>(events_[i].kind)]++;
    if (i > 0 && events_[i].time < events_[i - 1].time) stats.reordered++;
  }
  auto earlier = [](const Event& a, const Event& b) { return a.time < b.time; };
  if (stats.reordered > 0) std::stable_sort(events_.begin(), events_.end(), earlier);
  if (events_.empty()) return;
  complete_from = std::max(complete_from, events_.front().time);
  if (complete_to == 0) complete_to = events_.back().time;
}

std::uint32_t Trace::CountBetween(Nanos from, Nanos to) const {
  auto first = std::partition_point(events_.begin(), events_.end(),
                                    [&](const Event& event) { return event.time < from; });
  auto last = std::partition_point(first, events_.end(),
                                   [&](const Event& event) { return event.time <= to; });
  return static_cast<std::uint32_t>(last - first);
}

}  // namespace hs
