// SPDX-License-Identifier: Apache-2.0
// Message lengths with their weights, as the workload files of configs/workloads list them.
#ifndef RPCLOAD_LENGTH_TABLE_H_
#define RPCLOAD_LENGTH_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "random.h"

namespace rpcload {

class LengthTable {
 public:
  // text: a line "length_bytes,weight", then one pair a line, lengths ascending. Lengths beyond
  // limit are cut to it. False with one line in *error.
  static bool Parse(const std::string& text, uint32_t limit, LengthTable* table,
                    std::string* error);

  double MeanBytes() const { return mean_bytes_; }
  uint32_t Max() const { return entries_.back().length; }
  uint32_t Draw(Random* random) const;

 private:
  struct Entry {
    uint32_t length;
    double up_to;  // share of the messages that are no longer
  };
  std::vector<Entry> entries_;
  double mean_bytes_ = 0;
};

}  // namespace rpcload

#endif  // RPCLOAD_LENGTH_TABLE_H_
