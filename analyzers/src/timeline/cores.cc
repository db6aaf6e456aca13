// SPDX-License-Identifier: Apache-2.0
#include "timeline/cores.h"

#include <algorithm>
#include <limits>

namespace hs {
namespace {

constexpr Nanos kForever = std::numeric_limits<Nanos>::max();

Nanos TimeOf(Nanos time) { return time; }
template <typename T>
Nanos TimeOf(const T& item) {
  return item.time;
}

// First item later than @time.
template <typename T>
auto After(const std::vector<T>& items, Nanos time) {
  return std::partition_point(items.begin(), items.end(),
                              [&](const T& item) { return TimeOf(item) <= time; });
}

template <typename T>
std::span<const T> Between(const std::vector<T>& items, Nanos from, Nanos to) {
  auto first = After(items, from);
  auto last = std::max(first, After(items, to));
  return {first, last};
}

std::optional<Nanos> LastIn(const std::vector<Nanos>& times, Nanos from, Nanos to) {
  auto it = After(times, to);
  if (it == times.begin() || *std::prev(it) < from) return std::nullopt;
  return *std::prev(it);
}

}  // namespace

Cores::Cores(const Trace& trace) {
  for (const Event& event : trace.events()) {
    if (event.cpu >= cores_.size()) cores_.resize(event.cpu + 1u);
    Core& core = cores_[event.cpu];
    switch (event.kind) {
      case Kind::sched_switch: {
        const auto next = static_cast<std::uint32_t>(event.args[arg::sched_switch::next_tid]);
        const auto prev = static_cast<std::uint32_t>(event.args[arg::sched_switch::prev_tid]);
        core.switches.push_back({event.time, next});
        const bool runnable = event.args[arg::sched_switch::prev_state] == 0;
        if (prev != 0)
          threads_[prev].switches.push_back({event.time, event.cpu, false, runnable});
        if (next != 0) threads_[next].switches.push_back({event.time, event.cpu, true, false});
        break;
      }
      case Kind::sched_waking:
        threads_[static_cast<std::uint32_t>(event.args[arg::sched_waking::tid])].wakings.push_back(
            event.time);
        break;
      case Kind::softirq_raise:
        if (event.args[arg::softirq_raise::vec] == kNetRx) core.net_rx_raises.push_back(event.time);
        break;
      case Kind::softirq_entry:
        // Handlers do not nest: an open one has lost its exit, and its end is unknown.
        core.open_entry = event.time;
        core.open_net_rx = event.args[arg::softirq_entry::vec] == kNetRx;
        break;
      case Kind::softirq_exit:
        CloseSoftirq(core, event.time);
        break;
      default:
        break;
    }
  }
  for (Core& core : cores_) CloseSoftirq(core, kForever);
}

void Cores::CloseSoftirq(Core& core, Nanos exit) {
  if (!core.open_entry) return;
  const Interval interval{*core.open_entry, exit};
  core.softirqs.push_back(interval);
  if (core.open_net_rx) core.net_rx.push_back(interval);
  core.open_entry.reset();
}

const Cores::Core* Cores::FindCore(std::uint16_t cpu) const {
  return cpu < cores_.size() ? &cores_[cpu] : nullptr;
}

const Cores::Thread* Cores::FindThread(std::uint32_t tid) const {
  auto it = threads_.find(tid);
  return it == threads_.end() ? nullptr : &it->second;
}

namespace {

template <typename Interval>
const Interval* Active(const std::vector<Interval>& intervals, Nanos time) {
  auto it = std::partition_point(intervals.begin(), intervals.end(),
                                 [&](const Interval& i) { return i.entry <= time; });
  if (it == intervals.begin() || std::prev(it)->exit < time) return nullptr;
  return &*std::prev(it);
}

}  // namespace

std::optional<Nanos> Cores::NetRxEntry(std::uint16_t cpu, Nanos time) const {
  const Core* core = FindCore(cpu);
  const Interval* interval = core ? Active(core->net_rx, time) : nullptr;
  if (!interval) return std::nullopt;
  return interval->entry;
}

std::optional<Nanos> Cores::LastNetRxRaise(std::uint16_t cpu, Nanos from, Nanos to) const {
  const Core* core = FindCore(cpu);
  if (!core) return std::nullopt;
  return LastIn(core->net_rx_raises, from, to);
}

std::optional<Nanos> Cores::SoftirqExit(std::uint16_t cpu, Nanos time) const {
  const Core* core = FindCore(cpu);
  const Interval* interval = core ? Active(core->softirqs, time) : nullptr;
  if (!interval || interval->exit == kForever) return std::nullopt;
  return interval->exit;
}

std::span<const CoreSwitch> Cores::Switches(std::uint16_t cpu, Nanos from, Nanos to) const {
  const Core* core = FindCore(cpu);
  if (!core) return {};
  return Between(core->switches, from, to);
}

std::optional<std::uint32_t> Cores::Running(std::uint16_t cpu, Nanos time) const {
  const Core* core = FindCore(cpu);
  if (!core) return std::nullopt;
  auto it = After(core->switches, time);
  if (it == core->switches.begin()) return std::nullopt;
  return std::prev(it)->tid;
}

std::span<const ThreadSwitch> Cores::ThreadSwitches(std::uint32_t tid, Nanos from,
                                                    Nanos to) const {
  const Thread* thread = FindThread(tid);
  if (!thread) return {};
  return Between(thread->switches, from, to);
}

const ThreadSwitch* Cores::ThreadState(std::uint32_t tid, Nanos time) const {
  const Thread* thread = FindThread(tid);
  if (!thread) return nullptr;
  auto it = After(thread->switches, time);
  return it == thread->switches.begin() ? nullptr : &*std::prev(it);
}

std::optional<Nanos> Cores::FirstWaking(std::uint32_t tid, Nanos from, Nanos to) const {
  const Thread* thread = FindThread(tid);
  if (!thread) return std::nullopt;
  auto it = After(thread->wakings, from - 1);
  if (it == thread->wakings.end() || *it > to) return std::nullopt;
  return *it;
}

std::optional<Nanos> Cores::LastWaking(std::uint32_t tid, Nanos from, Nanos to) const {
  const Thread* thread = FindThread(tid);
  if (!thread) return std::nullopt;
  return LastIn(thread->wakings, from, to);
}

}  // namespace hs
