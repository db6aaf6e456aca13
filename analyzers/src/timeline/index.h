// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_TIMELINE_INDEX_H
#define HOMASCOPE_TIMELINE_INDEX_H

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/nanos.h"
#include "model/trace.h"

namespace hs {

// A run of positions in Trace::events(), in order of time.
using EventRun = std::span<const std::uint32_t>;

// Groups the events of a trace by a 64-bit key; the trace must outlive it.
// One sorted array: no allocation per key, which matters with 100,000 RPCs.
class EventIndex {
 public:
  explicit EventIndex(const Trace& trace) : events_(trace.events().data()) {}

  void Add(std::uint64_t key, std::uint32_t position) { entries_.push_back({key, position}); }

  // Once, after the last Add().
  void Finish() {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return a.key != b.key ? a.key < b.key : a.position < b.position;
    });
    positions_.reserve(entries_.size());
    for (const Entry& entry : entries_) positions_.push_back(entry.position);
  }

  // Events of @key with from <= time <= to.
  EventRun Find(std::uint64_t key, Nanos from, Nanos to) const {
    auto first = std::partition_point(entries_.begin(), entries_.end(), [&](const Entry& e) {
      return e.key != key ? e.key < key : events_[e.position].time < from;
    });
    auto last = std::partition_point(first, entries_.end(), [&](const Entry& e) {
      return e.key == key && events_[e.position].time <= to;
    });
    return EventRun(positions_).subspan(first - entries_.begin(), last - first);
  }

 private:
  struct Entry {
    std::uint64_t key;
    std::uint32_t position;
  };

  const Event* events_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> positions_;
};

}  // namespace hs

#endif  // HOMASCOPE_TIMELINE_INDEX_H
