// SPDX-License-Identifier: Apache-2.0
// SplitMix64: the same sequence on every machine, which the standard distributions do not promise.
#ifndef RPCLOAD_RANDOM_H_
#define RPCLOAD_RANDOM_H_

#include <cstdint>

namespace rpcload {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // Uniform in (0, 1].
  double Fraction() { return static_cast<double>((Next() >> 11) + 1) * 0x1p-53; }

  // Uniform in [0, bound); the bias is below bound / 2^32.
  uint32_t Below(uint32_t bound) {
    return static_cast<uint32_t>(((Next() >> 32) * bound) >> 32);
  }

 private:
  uint64_t state_;
};

}  // namespace rpcload

#endif  // RPCLOAD_RANDOM_H_
