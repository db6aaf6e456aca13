// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_TIMELINE_CORES_H
#define HOMASCOPE_TIMELINE_CORES_H

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/nanos.h"
#include "model/trace.h"

namespace hs {

// A CPU begins to run @tid (0: idle).
struct CoreSwitch {
  Nanos time;
  std::uint32_t tid;
};

// A thread begins or ceases to run on @cpu.
struct ThreadSwitch {
  Nanos time;
  std::uint16_t cpu;
  bool in;
  bool runnable;  // out only: it was preempted rather than going to sleep
};

// What every CPU did and where every thread was.
class Cores {
 public:
  explicit Cores(const Trace& trace);

  // Begin of the handler of incoming packets that is active on @cpu at @time.
  std::optional<Nanos> NetRxEntry(std::uint16_t cpu, Nanos time) const;

  // Last time in [from, to] that this handler was requested on @cpu.
  std::optional<Nanos> LastNetRxRaise(std::uint16_t cpu, Nanos from, Nanos to) const;

  // End of the softirq handler, of any kind, that is active on @cpu at @time.
  std::optional<Nanos> SoftirqExit(std::uint16_t cpu, Nanos time) const;

  // Switches of @cpu with from < time <= to.
  std::span<const CoreSwitch> Switches(std::uint16_t cpu, Nanos from, Nanos to) const;

  // Thread that runs on @cpu just after @time; nothing when not known yet.
  std::optional<std::uint32_t> Running(std::uint16_t cpu, Nanos time) const;

  // Switches of @tid with from < time <= to.
  std::span<const ThreadSwitch> ThreadSwitches(std::uint32_t tid, Nanos from, Nanos to) const;

  // State of @tid at @time: its last switch, or null when there was none yet.
  const ThreadSwitch* ThreadState(std::uint32_t tid, Nanos time) const;

  // First and last time in [from, to] at which @tid was woken.
  std::optional<Nanos> FirstWaking(std::uint32_t tid, Nanos from, Nanos to) const;
  std::optional<Nanos> LastWaking(std::uint32_t tid, Nanos from, Nanos to) const;

 private:
  struct Interval {
    Nanos entry;
    Nanos exit;
  };
  struct Core {
    std::vector<CoreSwitch> switches;
    std::vector<Interval> net_rx;
    std::vector<Interval> softirqs;
    std::vector<Nanos> net_rx_raises;
    std::optional<Nanos> open_entry;  // of the handler being read
    bool open_net_rx = false;
  };
  struct Thread {
    std::vector<ThreadSwitch> switches;
    std::vector<Nanos> wakings;
  };

  void CloseSoftirq(Core& core, Nanos exit);
  const Core* FindCore(std::uint16_t cpu) const;
  const Thread* FindThread(std::uint32_t tid) const;

  std::vector<Core> cores_;
  std::unordered_map<std::uint32_t, Thread> threads_;
};

}  // namespace hs

#endif  // HOMASCOPE_TIMELINE_CORES_H
