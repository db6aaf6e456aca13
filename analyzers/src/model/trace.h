// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_MODEL_TRACE_H
#define HOMASCOPE_MODEL_TRACE_H

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/nanos.h"
#include "model/event.h"

namespace hs {

// What was lost or could not be used on the way from the kernel to here. It
// rides along to every report: data loss is shown on its first line.
struct ImportStats {
  std::uint64_t records = 0;                    // read, whether known or not
  std::uint64_t produced = 0;                   // counted by the kernel
  std::uint64_t reordered = 0;                  // came earlier than their predecessor
  std::map<std::string, std::uint64_t> lost;    // by reason; "damaged" in bytes, "frozen" on purpose
  std::map<std::string, std::uint64_t> unused;  // events unknown here or without our fields
  std::string damage;                           // why reading stopped, if it did
};

// How the clock of a host was related to that of the first one.
struct HostClock {
  std::string host;
  Nanos ahead = 0;        // in the middle of the packets that told
  double drift_ppm = 0;   // it gains so many us a second
  Nanos uncertainty = 0;  // it is ahead by as much more or less at most
};

// The records of one clock, in order of time.
class Trace {
 public:
  std::string path;
  std::string host;
  std::string release;
  std::string clock;
  Nanos record_cost = 0;
  ImportStats stats;
  std::vector<HostClock> clocks;  // of all hosts but the first

  // Every record between these times is here, as far as losses have a time.
  // RPCs that leave this window cannot be explained.
  Nanos complete_from = 0;
  Nanos complete_to = 0;
  // Whether records before complete_from were lost (or there were none).
  bool lost_before = false;

  void Add(const Event& event) { events_.push_back(event); }
  void Reserve(std::size_t n) { events_.reserve(n); }

  // To be called once, after the last Add(): orders the events, counts them
  // and, where the window is not known, takes it from first and last event.
  void Finish();

  const std::vector<Event>& events() const { return events_; }
  std::uint64_t count(Kind kind) const { return counts_[static_cast<unsigned>(kind)]; }
  // Events with from <= time <= to.
  std::uint32_t CountBetween(Nanos from, Nanos to) const;
  // A kind that never occurs was off or is missing in this kernel: its absence
  // near one RPC means nothing.
  bool has(Kind kind) const { return count(kind) > 0; }

 private:
  std::vector<Event> events_;
  std::array<std::uint64_t, kKinds> counts_{};
};

}  // namespace hs

#endif  // HOMASCOPE_MODEL_TRACE_H
