// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_BASE_NANOS_H
#define HOMASCOPE_BASE_NANOS_H

#include <cstdint>

namespace hs {

// Times and durations in nanoseconds. Signed, so that a difference of two
// clocks that disagree is a small negative number and not a huge one.
using Nanos = std::int64_t;

}  // namespace hs

#endif  // HOMASCOPE_BASE_NANOS_H
