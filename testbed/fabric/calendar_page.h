// SPDX-License-Identifier: Apache-2.0
// The page that calendar and nodes share, version 2 of the kernel's interface. Debian 12's own header lacks it.
#ifndef FABRIC_CALENDAR_PAGE_H_
#define FABRIC_CALENDAR_PAGE_H_

#include <cstddef>
#include <cstdint>

namespace fabric {

inline constexpr uint32_t kPageVersion = 2;
inline constexpr uint32_t kUsesPage = 1;  // PageSlot::capabilities
inline constexpr uint32_t kWantsRun = 1;  // PageSlot::flags

struct PageHeader {
  uint32_t version, length;  // of header and slots
  uint64_t free_until_ns;    // the running node may go up to here without asking
  uint64_t current_ns;       // written by whoever runs
  uint16_t running, slots;
};

struct PageSlot {
  uint32_t capabilities, flags;
  uint64_t wish_ns;  // when it wants to run, if kWantsRun
  uint64_t name;
  char reserved[104];
};

inline constexpr size_t kSlotsOffset = 4096;
static_assert(sizeof(PageSlot) == 128 && offsetof(PageSlot, wish_ns) == 8);
static_assert(offsetof(PageHeader, free_until_ns) == 8 && offsetof(PageHeader, running) == 24);

}  // namespace fabric

#endif  // FABRIC_CALENDAR_PAGE_H_
