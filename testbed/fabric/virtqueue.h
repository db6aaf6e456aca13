// SPDX-License-Identifier: Apache-2.0
// The split virtqueues of one guest, in memory that it shares with us. Whatever the guest writes there is checked.
#ifndef FABRIC_VIRTQUEUE_H_
#define FABRIC_VIRTQUEUE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "socket.h"

namespace fabric {

class GuestMemory {
 public:
  GuestMemory() = default;
  GuestMemory(const GuestMemory&) = delete;
  ~GuestMemory();

  // Throws std::runtime_error.
  void Map(const Fd& file, uint64_t guest_address, uint64_t bytes, uint64_t offset);
  // Throws std::runtime_error if the range is not the guest's.
  uint8_t* At(uint64_t guest_address, uint64_t bytes) const;

 private:
  uint8_t* memory_ = nullptr;
  uint64_t guest_address_ = 0, bytes_ = 0;
};

class Virtqueue {
 public:
  explicit Virtqueue(const GuestMemory* memory) : memory_(memory) {}

  void SetSize(uint32_t entries);
  void SetAddresses(uint64_t descriptors, uint64_t available, uint64_t used);
  void SetBase(uint32_t index) { next_ = uint16_t(index); }
  void Enable(bool on) { enabled_ = on; }
  // Both sides say by index, not by a flag, from where on they want to be told.
  void UseEventIndex(bool on) { event_index_ = on; }
  bool Enabled() const { return enabled_ && entries_ && descriptors_; }

  struct Chain {
    uint16_t head;
    std::vector<std::span<uint8_t>> parts;
  };
  // The next buffer the guest has made available, if it is among the first so many.
  std::optional<Chain> Take(std::optional<uint16_t> among = std::nullopt);
  // The last so many were not used after all.
  void PutBack(size_t chains) { next_ = uint16_t(next_ - chains); }
  void Return(uint16_t head, uint32_t written);
  // Since it was asked last.
  bool WantsInterrupt();
  // Whether the guest shall tell about the next buffer. It does so once, with event indices.
  void WantKick(bool want);

 private:
  uint16_t* Word(uint64_t address) const { return reinterpret_cast<uint16_t*>(memory_->At(address, 2)); }

  const GuestMemory* memory_;
  uint32_t entries_ = 0;
  uint64_t descriptors_ = 0, available_ = 0, used_ = 0;
  uint16_t next_ = 0, told_ = 0;  // of available; of used, as of the last question
  bool enabled_ = false, event_index_ = false;
};

}  // namespace fabric

#endif  // FABRIC_VIRTQUEUE_H_
