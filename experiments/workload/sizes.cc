// SPDX-License-Identifier: Apache-2.0
#include "sizes.h"

#include <fmt/core.h>

#include <charconv>

namespace rpcload {

bool SizeRange::Parse(const std::string& text, uint32_t limit, SizeRange* range,
                      std::string* error) {
  const char* end = text.data() + text.size();
  auto [next, failed] = std::from_chars(text.data(), end, range->min);
  range->max = range->min;
  if (failed == std::errc() && next != end && *next == '-') {
    auto last = std::from_chars(next + 1, end, range->max);
    next = last.ptr;
    failed = last.ec;
  }
  if (failed == std::errc() && next == end && range->min >= 1 && range->min <= range->max &&
      range->max <= limit)
    return true;
  *error = fmt::format("length '{}' is not BYTES or MIN-MAX within 1 to {}", text, limit);
  return false;
}

}  // namespace rpcload
