// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_ATTRIBUTE_TILE_H
#define HOMASCOPE_ATTRIBUTE_TILE_H

#include <cstdint>
#include <string>
#include <string_view>

namespace hs {

enum class Tile : std::uint8_t {
#define HS_CAUSE(name, meaning)
#define HS_TILE(name, cause, place, meaning) name,
#include "attribute/tile.def"
#undef HS_TILE
#undef HS_CAUSE
  kCount
};

enum class Cause : std::uint8_t {
#define HS_TILE(name, cause, place, meaning)
#define HS_CAUSE(name, meaning) name,
#include "attribute/tile.def"
#undef HS_CAUSE
#undef HS_TILE
  kCount
};

enum class Direction : std::uint8_t { kRequest, kResponse };

// Where the time of a tile passes.
enum class Place : std::uint8_t { sender, wire, receiver, machine, server };

inline constexpr unsigned kTiles = static_cast<unsigned>(Tile::kCount);
inline constexpr unsigned kCauses = static_cast<unsigned>(Cause::kCount);
// A tile of one direction is a slot: the unit of all sums.
inline constexpr unsigned kSlots = 2 * kTiles;

inline unsigned Slot(Tile tile, Direction direction) {
  return static_cast<unsigned>(direction) * kTiles + static_cast<unsigned>(tile);
}

struct TileInfo {
  std::string_view name;
  Cause cause;
  Place place;
  std::string_view meaning;
};

const TileInfo& Info(Tile tile);

struct CauseInfo {
  std::string_view name;
  std::string_view meaning;
};

const CauseInfo& Info(Cause cause);

inline Tile SlotTile(unsigned slot) { return static_cast<Tile>(slot % kTiles); }
inline Cause SlotCause(unsigned slot) { return Info(SlotTile(slot)).cause; }

// "req_copy_in", "resp_copy_in"; "server_app" has no direction.
std::string SlotName(unsigned slot);
// "request", "response", "server".
std::string_view SlotDirection(unsigned slot);
// "client", "server", "network" or "machine".
std::string_view SlotSide(unsigned slot);

}  // namespace hs

#endif  // HOMASCOPE_ATTRIBUTE_TILE_H
