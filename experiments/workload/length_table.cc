// SPDX-License-Identifier: Apache-2.0
#include "length_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

namespace rpcload {

bool LengthTable::Parse(const std::string& text, uint32_t limit, LengthTable* table,
                        std::string* error) {
  std::istringstream lines(text);
  std::string line;
  int number = 1;
  if (!std::getline(lines, line) || line != "length_bytes,weight") {
    *error = "line 1 is not 'length_bytes,weight'";
    return false;
  }
  table->entries_.clear();
  double total = 0, bytes = 0;
  unsigned long long last = 0;
  while (std::getline(lines, line)) {
    unsigned long long length;
    double weight;
    int end = 0;
    number++;
    if (sscanf(line.c_str(), "%llu,%lf%n", &length, &weight, &end) != 2 ||
        static_cast<size_t>(end) != line.size() || line[0] == '-' || length <= last ||
        !(weight > 0) || !std::isfinite(weight)) {
      *error = fmt::format("line {}: '{}' is not a length above the last one and a positive weight",
                           number, line);
      return false;
    }
    last = length;
    uint32_t cut = static_cast<uint32_t>(std::min<unsigned long long>(length, limit));
    total += weight;
    bytes += weight * cut;
    table->entries_.push_back({cut, total});
  }
  if (table->entries_.empty()) {
    *error = "there are no lengths";
    return false;
  }
  for (Entry& entry : table->entries_) entry.up_to /= total;
  table->mean_bytes_ = bytes / total;
  return true;
}

uint32_t LengthTable::Draw(Random* random) const {
  double at = random->Fraction();
  auto found = std::lower_bound(entries_.begin(), entries_.end() - 1, at,
                                [](const Entry& entry, double x) { return entry.up_to < x; });
  return found->length;
}

}  // namespace rpcload
