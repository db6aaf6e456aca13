// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_ATTRIBUTE_TILER_H
#define HOMASCOPE_ATTRIBUTE_TILER_H

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "attribute/tile.h"
#include "base/nanos.h"
#include "timeline/silence.h"

namespace hs {

// Cuts [start, end] into consecutive tiles. The one rule that keeps a sum
// exact whatever the trace holds: time moves only forward, through Close(),
// and Finish() gives what is left to `unexplained`. A milestone that is
// missing, or lies outside what is still open, does not end a tile: the time
// around it is then unexplained up to the next milestone that fits.
class Tiler {
 public:
  // @silences, in order, must outlive it.
  Tiler(Nanos start, Nanos end, std::span<const Silence> silences = {})
      : cursor_(start), limit_(end), silences_(silences) {}

  // What follows belongs to @direction, whose milestones lie before @limit.
  void Begin(Direction direction, Nanos limit) {
    direction_ = direction;
    limit_ = limit;
  }

  // @tile lasted from the last milestone to @time. False: @time does not fit.
  bool Close(Tile tile, std::optional<Nanos> time) {
    if (!time || *time > limit_ || *time < cursor_ - kClockSlack) {
      gap_ = true;
      return false;
    }
    const Nanos to = *time < cursor_ ? cursor_ : *time;
    const Tile charged = gap_ ? Tile::unexplained : tile;
    const Nanos silent = Info(charged).cause == Cause::app ? 0 : Silent(cursor_, to);
    ns_[Slot(charged, direction_)] += to - cursor_ - silent;
    ns_[Slot(Tile::silence, direction_)] += silent;
    cursor_ = to;
    gap_ = false;
    return true;
  }

  // A milestone that should lie before the next one is missing.
  void Gap() { gap_ = true; }

  // What is left before the limit is unexplained.
  void Finish() {
    gap_ = true;
    Close(Tile::unexplained, limit_);
  }

  Nanos cursor() const { return cursor_; }
  Nanos limit() const { return limit_; }
  const std::array<Nanos, kSlots>& ns() const { return ns_; }

 private:
  // Two CPUs, or a log and the trace, may disagree this much about the order
  // of events; the earlier milestone then wins.
  static constexpr Nanos kClockSlack = 200;

  // How much of [from, to] the machine stood still. An application may well
  // compute that long without an event, so its tiles are never asked.
  Nanos Silent(Nanos from, Nanos to) const {
    Nanos sum = 0;
    auto it = std::partition_point(silences_.begin(), silences_.end(),
                                   [&](const Silence& s) { return s.to <= from; });
    for (; it != silences_.end() && it->from < to; ++it)
      sum += std::min(to, it->to) - std::max(from, it->from);
    return sum;
  }

  Nanos cursor_;
  Nanos limit_;
  std::span<const Silence> silences_;
  Direction direction_ = Direction::kRequest;
  bool gap_ = false;
  std::array<Nanos, kSlots> ns_{};
};

}  // namespace hs

#endif  // HOMASCOPE_ATTRIBUTE_TILER_H
