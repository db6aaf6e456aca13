// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_ATTRIBUTE_TILER_H
#define HOMASCOPE_ATTRIBUTE_TILER_H

#include <array>
#include <cstdint>
#include <optional>

#include "attribute/tile.h"
#include "base/nanos.h"

namespace hs {

// Cuts [start, end] into consecutive tiles. The one rule that keeps a sum
// exact whatever the trace holds: time moves only forward, through Close(),
// and Finish() gives what is left to `unexplained`. A milestone that is
// missing, or lies outside what is still open, does not end a tile: the time
// around it is then unexplained up to the next milestone that fits.
class Tiler {
 public:
  Tiler(Nanos start, Nanos end) : cursor_(start), limit_(end) {}

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
    ns_[Slot(gap_ ? Tile::unexplained : tile, direction_)] += to - cursor_;
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

  Nanos cursor_;
  Nanos limit_;
  Direction direction_ = Direction::kRequest;
  bool gap_ = false;
  std::array<Nanos, kSlots> ns_{};
};

}  // namespace hs

#endif  // HOMASCOPE_ATTRIBUTE_TILER_H
