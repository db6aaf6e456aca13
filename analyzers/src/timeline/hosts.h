// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_TIMELINE_HOSTS_H
#define HOMASCOPE_TIMELINE_HOSTS_H

#include <vector>

#include "base/result.h"
#include "model/trace.h"

namespace hs {

// One trace of several hosts' by the clock of the first. CPUs and threads get numbers of their own.
// An error where no Homa DATA went both ways, so that a clock cannot be related to the first one's.
//
// A packet is not received before it is sent: each one from host A to host B is an upper bound of how far
// B's clock is ahead of A's, each one back a lower bound; bounds that hosts in between give count as well.
// The middle is taken, and what it may be wrong by is in Trace::clocks.
Result<Trace> MergeHosts(std::vector<Trace> traces);

}  // namespace hs

#endif  // HOMASCOPE_TIMELINE_HOSTS_H
