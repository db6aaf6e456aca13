// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_ATTRIBUTE_ATTRIBUTE_H
#define HOMASCOPE_ATTRIBUTE_ATTRIBUTE_H

#include <array>
#include <cstdint>
#include <vector>

#include "attribute/tile.h"
#include "base/nanos.h"
#include "timeline/rpc.h"

namespace hs {

// The round trip of one RPC, cut into tiles that sum to it.
struct RpcTiles {
  std::uint64_t id = 0;
  Nanos start = 0;
  Nanos rtt = 0;
  std::array<Nanos, kSlots> ns{};
  std::uint32_t records = 0;  // in the trace during the round trip, on all CPUs
  std::uint8_t cpus = 0;         // different CPUs on its path
  std::uint8_t cpu_changes = 0;  // steps of the path that changed the CPU
  std::uint8_t softirqs = 0;     // messages whose softirq was found (0 to 2)
  std::uint8_t remote_softirqs = 0;  // of these, not on the sending thread's CPU
  std::uint8_t third_softirqs = 0;   // nor on the receiving thread's
};

RpcTiles AttributeRpc(const Timeline& timeline, Transport transport, const Rpc& rpc);

std::vector<RpcTiles> AttributeAll(const Timeline& timeline, const RpcSet& set);

}  // namespace hs

#endif  // HOMASCOPE_ATTRIBUTE_ATTRIBUTE_H
