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
inline Ns Later(Ns time, Ns delay) { return time > kNever - delay ? kNever : time + delay; }

// What an event or a host does reaches a host, another one, so many ns later at the earliest, unless it says so; what a host
// sends, itself.
struct Reach {
  Ns event_ns = 0, host_ns = 0, self_ns = 0;
};

// Events in the order of their times; those of one instant run in the order in which they were planned.
class EventQueue {
 public:
  using Action = std::function<void()>;
  // Whom an event reaches at once, if not one host.
  static constexpr int kNobody = -1, kEverybody = -2;

  // Of whoever acts: an event, or a node, which may be ahead of the events by the calendar's lookahead.
  Ns Now() const { return now_; }
  // Nothing can happen before.
  Ns Reached() const { return reached_; }
  Ns Next() const { return *std::min_element(next_.begin(), next_.end()); }
  // When that which is planned may reach a host.
  Ns NextFor(int host, const Reach& reach) const {
    Ns earliest = std::min(next_[LaneOf(kEverybody)], Later(next_[LaneOf(kNobody)], reach.event_ns));
    for (size_t lane = LaneOf(0); lane < next_.size(); lane++)
      earliest = std::min(earliest, Later(next_[lane], lane == LaneOf(host) ? 0 : reach.host_ns));
    return earliest;
  }
  uint64_t Count() const { return ran_; }

  void At(Ns time, Action action, int reaches = kNobody) {
    if (time < now_) throw std::logic_error("an event was planned for the past");
    const size_t lane = LaneOf(reaches);
    if (lane >= lanes_.size()) lanes_.resize(lane + 1), next_.resize(lane + 1, kNever);
    lanes_[lane].push_back({time, planned_++, std::move(action)});
    std::push_heap(lanes_[lane].begin(), lanes_[lane].end(), RunsLater);
    next_[lane] = lanes_[lane].front().time;
  }
  void After(Ns delay, Action action, int reaches = kNobody) { At(now_ + delay, std::move(action), reaches); }

  // A node acts now.
  void ActAt(Ns time) { now_ = std::max(reached_, time); }

  void RunNext() {
    size_t first = 0;
    for (size_t lane = 1; lane < next_.size(); lane++)
      if (next_[lane] < next_[first] || (next_[lane] == next_[first] && next_[lane] != kNever &&
                                         lanes_[lane].front().order < lanes_[first].front().order))
        first = lane;
    auto& heap = lanes_[first];
    std::pop_heap(heap.begin(), heap.end(), RunsLater);
    Event event = std::move(heap.back());
    heap.pop_back();
    next_[first] = heap.empty() ? kNever : heap.front().time;
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
  static bool RunsLater(const Event& a, const Event& b) {
    return a.time != b.time ? a.time > b.time : a.order > b.order;
  }
  static size_t LaneOf(int reaches) { return size_t(reaches + 2); }

  Ns now_ = 0, reached_ = 0;
  uint64_t planned_ = 0, ran_ = 0;
  // A heap for each answer to whom its events reach at once, and the time of the first event of each.
  std::vector<std::vector<Event>> lanes_{2};
  std::vector<Ns> next_{kNever, kNever};
};

}  // namespace fabric

#endif  // FABRIC_EVENTS_H_
