// SPDX-License-Identifier: Apache-2.0
// Decides by seed what goes wrong on one link.
#ifndef FABRIC_IMPAIRMENT_H_
#define FABRIC_IMPAIRMENT_H_

#include <cstdint>
#include <random>

#include "config.h"
#include "packet.h"

namespace fabric {

class Impairment {
 public:
  struct Fate {
    bool lost = false, duplicated = false, corrupted = false, delayed = false;
  };

  Impairment(const ImpairConfig& config, uint64_t seed, int port) : config_(config), random_(seed * 65'537 + port) {}

  Fate Judge(const Packet& packet);
  PacketPtr Corrupt(const Packet& packet);  // a copy with one bit of its payload flipped
  Ns ReorderDelay() const { return config_.reorder_delay_ns; }

 private:
  // Of the generator itself: std's distributions may differ from library to library, and runs must repeat.
  bool Chance(double probability) { return probability > 0 && double(random_() >> 11) * 0x1p-53 < probability; }

  ImpairConfig config_;
  std::mt19937_64 random_;
  uint64_t burst_left_ = 0;
};

}  // namespace fabric

#endif  // FABRIC_IMPAIRMENT_H_
