// SPDX-License-Identifier: Apache-2.0
// The page that calendar and nodes share, version 2 of the kernel's interface. Debian 12's own header lacks it.
#ifndef FABRIC_CALENDAR_PAGE_H_
#define FABRIC_CALENDAR_PAGE_H_

#include <cstddef>
#include <cstdint>

namespace fabric {

inline constexpr uint32_t kPageVersion = 2;
inline constexpr uint32_t kUsesPage = 1, kCardUsesPage = 0x100;  // PageSlot::capabilities
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
  // The rest is configs/kernels/sim-speed.patch's, of a node with kCardUsesPage: kicks and interrupts without messages.
  uint32_t kick_gap_ns;  // it may run on so long after a kick; 0: kicks are messages
  uint32_t interrupts;   // bits of the queues that interrupt it when it runs next
  uint64_t kick_ns;      // when it kicked its transmit queue
  uint32_t kicked;       // kKicked and the number of buffers it had made available by then; 0: it did not
  char reserved[84];
};
inline constexpr uint32_t kKicked = 0x10000;

inline constexpr size_t kSlotsOffset = 4096;
static_assert(sizeof(PageSlot) == 128 && offsetof(PageSlot, wish_ns) == 8 && offsetof(PageSlot, kick_ns) == 32);
static_assert(offsetof(PageHeader, free_until_ns) == 8 && offsetof(PageHeader, running) == 24);

}  // namespace fabric

#endif  // FABRIC_CALENDAR_PAGE_H_
