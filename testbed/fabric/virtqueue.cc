// SPDX-License-Identifier: Apache-2.0
#include "virtqueue.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace fabric {

namespace {

// Of the virtio specification; the kernel's header is not C++.
struct Descriptor {
  uint64_t address;
  uint32_t length;
  uint16_t flags, next;
};
struct UsedElement {
  uint32_t head, written;
};
constexpr uint16_t kHasNext = 1, kNoInterrupt = 1, kNoKick = 1;

}  // namespace

GuestMemory::~GuestMemory() {
  if (memory_) munmap(memory_, bytes_);
}

void GuestMemory::Map(const Fd& file, uint64_t guest_address, uint64_t bytes, uint64_t offset) {
  if (memory_) munmap(memory_, bytes_);
  memory_ = nullptr;
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.Get(), off_t(offset));
  if (mapped == MAP_FAILED) throw std::runtime_error(std::string("cannot map a guest's memory: ") + strerror(errno));
  memory_ = static_cast<uint8_t*>(mapped);
  guest_address_ = guest_address;
  bytes_ = bytes;
}

uint8_t* GuestMemory::At(uint64_t guest_address, uint64_t bytes) const {
  const uint64_t offset = guest_address - guest_address_;
  if (guest_address < guest_address_ || offset > bytes_ || bytes > bytes_ - offset)
    throw std::runtime_error("a virtqueue points outside its guest's memory");
  return memory_ + offset;
}

void Virtqueue::SetSize(uint32_t entries) {
  if (!entries || entries > 32'768 || entries & (entries - 1)) throw std::runtime_error("a virtqueue has an impossible size");
  entries_ = entries;
}

void Virtqueue::SetAddresses(uint64_t descriptors, uint64_t available, uint64_t used) {
  descriptors_ = descriptors;
  available_ = available;
  used_ = used;
}

std::optional<Virtqueue::Chain> Virtqueue::Take(std::optional<uint16_t> among) {
  std::atomic_thread_fence(std::memory_order_acquire);
  if (!Enabled() || next_ == *Word(available_ + 2) || next_ == among) return std::nullopt;
  Chain chain{*Word(available_ + 4 + 2 * (next_ % entries_)), {}};
  next_++;
  uint32_t index = chain.head;
  do {
    if (index >= entries_ || chain.parts.size() >= entries_) throw std::runtime_error("a virtqueue has a broken chain");
    Descriptor part;
    memcpy(&part, memory_->At(descriptors_ + sizeof part * index, sizeof part), sizeof part);
    chain.parts.emplace_back(memory_->At(part.address, part.length), part.length);
    index = part.flags & kHasNext ? part.next : entries_;
  } while (index != entries_);
  return chain;
}

void Virtqueue::Return(uint16_t head, uint32_t written) {
  uint16_t* index = Word(used_ + 2);
  const UsedElement element = {head, written};
  memcpy(memory_->At(used_ + 4 + sizeof element * (*index % entries_), sizeof element), &element, sizeof element);
  std::atomic_thread_fence(std::memory_order_release);
  ++*index;
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

bool Virtqueue::WantsInterrupt() {
  if (!Enabled()) return false;
  if (!event_index_) return !(*Word(available_) & kNoInterrupt);
  const uint16_t now = *Word(used_ + 2), event = *Word(available_ + 4 + 2 * uint64_t(entries_));
  const bool passed = uint16_t(now - event - 1) < uint16_t(now - told_);
  told_ = now;
  return passed;
}

void Virtqueue::WantKick(bool want) {
  if (!Enabled()) return;
  if (!event_index_) {
    *Word(used_) = want ? 0 : kNoKick;
  } else {
    // An index that lies half a circle behind is not reached.
    *Word(used_ + 4 + 8 * uint64_t(entries_)) = uint16_t(want ? next_ : next_ + 0x8000);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace fabric
