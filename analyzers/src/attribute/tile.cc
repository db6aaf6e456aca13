// SPDX-License-Identifier: Apache-2.0
#include "attribute/tile.h"

#include <iterator>

namespace hs {
namespace {

constexpr TileInfo kTileInfos[] = {
#define HS_CAUSE(name, meaning)
#define HS_TILE(name, cause, place, meaning) {#name, Cause::cause, Place::place, meaning},
#include "attribute/tile.def"
#undef HS_TILE
#undef HS_CAUSE
};
static_assert(std::size(kTileInfos) == kTiles);

constexpr CauseInfo kCauseInfos[] = {
#define HS_TILE(name, cause, place, meaning)
#define HS_CAUSE(name, meaning) {#name, meaning},
#include "attribute/tile.def"
#undef HS_CAUSE
#undef HS_TILE
};
static_assert(std::size(kCauseInfos) == kCauses);

bool IsResponse(unsigned slot) { return slot >= kTiles; }

}  // namespace

const TileInfo& Info(Tile tile) { return kTileInfos[static_cast<unsigned>(tile)]; }

const CauseInfo& Info(Cause cause) { return kCauseInfos[static_cast<unsigned>(cause)]; }

std::string SlotName(unsigned slot) {
  const TileInfo& info = Info(SlotTile(slot));
  if (info.place == Place::server) return std::string(info.name);
  return (IsResponse(slot) ? "resp_" : "req_") + std::string(info.name);
}

std::string_view SlotDirection(unsigned slot) {
  if (Info(SlotTile(slot)).place == Place::server) return "server";
  return IsResponse(slot) ? "response" : "request";
}

std::string_view SlotSide(unsigned slot) {
  switch (Info(SlotTile(slot)).place) {
    case Place::wire:
      return "network";
    case Place::machine:
      return "machine";
    case Place::server:
      return "server";
    case Place::sender:
      return IsResponse(slot) ? "server" : "client";
    case Place::receiver:
      return IsResponse(slot) ? "client" : "server";
  }
  return "network";
}

}  // namespace hs
