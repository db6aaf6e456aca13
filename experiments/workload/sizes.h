// SPDX-License-Identifier: Apache-2.0
// Which length the next request has.
#ifndef RPCLOAD_SIZES_H_
#define RPCLOAD_SIZES_H_

#include <cstdint>
#include <string>

#include "random.h"

namespace rpcload {

// Lengths uniform in [min, max].
struct SizeRange {
  uint32_t min = 100;
  uint32_t max = 100;

  // "LENGTH" or "MIN-MAX", 1..limit bytes. False with one line in *error.
  static bool Parse(const std::string& text, uint32_t limit, SizeRange* range, std::string* error);
};

class Sizes {
 public:
  Sizes(SizeRange range, uint64_t seed) : range_(range), random_(seed) {}

  uint32_t Next() {
    if (range_.min == range_.max) return range_.min;
    return range_.min + random_.Below(range_.max - range_.min + 1);
  }

 private:
  SizeRange range_;
  Random random_;
};

}  // namespace rpcload

#endif  // RPCLOAD_SIZES_H_
