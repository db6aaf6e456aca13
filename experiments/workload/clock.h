// SPDX-License-Identifier: Apache-2.0
// The clock of the traces: CLOCK_MONOTONIC in nanoseconds.
#ifndef RPCLOAD_CLOCK_H_
#define RPCLOAD_CLOCK_H_

#include <time.h>

#include <cstdint>

namespace rpcload {

inline uint64_t NowNs() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<uint64_t>(ts.tv_sec) * 1000000000u + static_cast<uint64_t>(ts.tv_nsec);
}

}  // namespace rpcload

#endif  // RPCLOAD_CLOCK_H_
