// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_TIMELINE_SILENCE_H
#define HOMASCOPE_TIMELINE_SILENCE_H

#include <vector>

#include "base/nanos.h"
#include "model/trace.h"

namespace hs {

struct Silence {
  Nanos from;
  Nanos to;
};

// An idle machine is silent for a reason. A machine that has a thread or a
// softirq on a CPU, and yet records nothing on any CPU for this long, was most
// likely taken away: by the host of a guest, or by firmware.
inline constexpr Nanos kSilence = 500'000;

// Such times, in order.
std::vector<Silence> FindSilences(const Trace& trace);

}  // namespace hs

#endif  // HOMASCOPE_TIMELINE_SILENCE_H
