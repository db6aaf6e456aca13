// SPDX-License-Identifier: Apache-2.0
#include "report/csv.h"

#include <fmt/format.h>

#include <iterator>

namespace hs {
namespace {

// server_app stands between the two messages and has no response half.
bool Exists(unsigned slot) {
  return slot < kTiles || Info(SlotTile(slot)).place != Place::server;
}

}  // namespace

std::string ToCsv(const std::vector<RpcTiles>& rpcs) {
  std::string text = "id,start_ns,rtt_ns";
  for (unsigned slot = 0; slot < kSlots; slot++)
    if (Exists(slot)) text += "," + SlotName(slot);
  text += '\n';
  for (const RpcTiles& rpc : rpcs) {
    fmt::format_to(std::back_inserter(text), "{},{},{}", rpc.id, rpc.start, rpc.rtt);
    for (unsigned slot = 0; slot < kSlots; slot++)
      if (Exists(slot)) fmt::format_to(std::back_inserter(text), ",{}", rpc.ns[slot]);
    text += '\n';
  }
  return text;
}

}  // namespace hs
