// SPDX-License-Identifier: Apache-2.0
// Virtual time, and the events the fabric itself has planned.
#ifndef FABRIC_EVENTS_H_
#define FABRIC_EVENTS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace fabric {

using Ns = uint64_t;  // nanoseconds since the nodes booted
inline constexpr Ns kNever = std::numeric_limits<Ns>::max();

// Events in the order of their times; those of one instant run in the order in which they were planned.
class EventQueue {
 public:
  using Action = std::function<void()>;

  // Of whoever acts: an event, or a node, which may be ahead of the events by the calendar's lookahead.
  Ns Now() const { return now_; }
  // Nothing can happen before.
  Ns Reached() const { return reached_; }
  Ns Next() const { return heap_.empty() ? kNever : heap_.front().time; }
  uint64_t Count() const { return ran_; }

  void At(Ns time, Action action) {
    if (time < now_) throw std::logic_error("an event was planned for the past");
    heap_.push_back({time, planned_++, std::move(action)});
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }
  void After(Ns delay, Action action) { At(now_ + delay, std::move(action)); }

  // A node acts now.
  void ActAt(Ns time) { now_ = std::max(reached_, time); }

  void RunNext() {
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = reached_ = event.time;
    ran_++;
    event.action();
  }

 private:
  struct Event {
    Ns time;
    uint64_t order;
    Action action;
  };
  static bool Later(const Event& a, const Event& b) {
    return a.time != b.time ? a.time > b.time : a.order > b.order;
  }

  Ns now_ = 0, reached_ = 0;
  uint64_t planned_ = 0, ran_ = 0;
  std::vector<Event> heap_;
};

}  // namespace fabric

#endif  // FABRIC_EVENTS_H_
