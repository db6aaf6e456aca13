// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_TIMELINE_CLOCKS_H
#define HOMASCOPE_TIMELINE_CLOCKS_H

#include <optional>
#include <vector>

#include "base/nanos.h"
#include "model/trace.h"

namespace hs {

// How another host's clock follows the first one's: at time t of the first it is ahead by
// ahead + drift * (t - origin).
struct ClockLine {
  Nanos origin = 0;
  Nanos ahead = 0;
  double drift = 0;        // ns a ns
  double uncertainty = 0;  // ns; the true one is not further away while the packets were under way

  Nanos Ahead(Nanos first) const;    // at a time of the first host
  Nanos ToFirst(Nanos other) const;  // what the first host's clock showed
};

// The clock of each trace's host by that of the first trace; nothing where no packets relate them.
//
// A packet is not received before it is sent: each one from host A to host B is an upper bound of how far
// B's clock is ahead of A's at that time, each one back a lower bound. Of the lines between both the one that
// keeps the largest distance is taken. Hosts that exchanged nothing are related by others in between.
std::vector<std::optional<ClockLine>> RelateClocks(const std::vector<Trace>& traces);

}  // namespace hs

#endif  // HOMASCOPE_TIMELINE_CLOCKS_H
