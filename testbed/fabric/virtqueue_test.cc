// SPDX-License-Identifier: Apache-2.0
#include "virtqueue.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace fabric {
namespace {

// A ring of four entries at 0x1000: descriptors, available at +0x100, used at +0x200, buffers at +0x400.
class VirtqueueTest : public testing::Test {
 protected:
  static constexpr uint64_t kBase = 0x1000;
  VirtqueueTest() : file_(memfd_create("guest", 0)), queue_(&memory_) {
    EXPECT_EQ(ftruncate(file_.Get(), 4096), 0);
    memory_.Map(file_, kBase, 4096, 0);
    queue_.SetSize(4);
    queue_.SetAddresses(kBase, kBase + 0x100, kBase + 0x200);
    queue_.Enable(true);
  }
  void Describe(uint16_t index, uint64_t address, uint32_t length, uint16_t flags = 0, uint16_t next = 0) {
    uint8_t* at = memory_.At(kBase + 16u * index, 16);
    memcpy(at, &address, 8), memcpy(at + 8, &length, 4), memcpy(at + 12, &flags, 2), memcpy(at + 14, &next, 2);
  }
  void Offer(uint16_t head) {
    auto* available = reinterpret_cast<uint16_t*>(memory_.At(kBase + 0x100, 16));
    available[2 + available[1] % 4] = head;
    available[1]++;
  }

  Fd file_;
  GuestMemory memory_;
  Virtqueue queue_;
};

TEST_F(VirtqueueTest, TakesChainsAndReturnsThem) {
  EXPECT_FALSE(queue_.Take());
  Describe(2, kBase + 0x400, 12, 1, 3);
  Describe(3, kBase + 0x500, 60);
  for (uint16_t round = 0; round < 6; round++) {
    Offer(2);
    const auto chain = queue_.Take();
    ASSERT_TRUE(chain);
    EXPECT_EQ(chain->head, 2);
    ASSERT_EQ(chain->parts.size(), 2u);
    EXPECT_EQ(chain->parts[1].size(), 60u);
    EXPECT_FALSE(queue_.Take());
    queue_.Return(2, 72);
    EXPECT_EQ(reinterpret_cast<uint16_t*>(memory_.At(kBase + 0x200, 4))[1], round + 1);
  }
}

TEST_F(VirtqueueTest, RefusesWhatPointsElsewhere) {
  Describe(0, kBase + 4090, 12);
  Offer(0);
  EXPECT_THROW(queue_.Take(), std::runtime_error);
  Describe(1, ~uint64_t{0}, 12);
  Offer(1);
  EXPECT_THROW(queue_.Take(), std::runtime_error);
  EXPECT_THROW(queue_.SetSize(3), std::runtime_error);
}

TEST_F(VirtqueueTest, TellsAndIsToldByFlagOrByIndex) {
  auto word = [&](uint64_t offset) -> uint16_t& { return *reinterpret_cast<uint16_t*>(memory_.At(kBase + offset, 2)); };
  EXPECT_TRUE(queue_.WantsInterrupt());
  word(0x100) = 1;
  EXPECT_FALSE(queue_.WantsInterrupt());
  queue_.WantKick(false);
  EXPECT_EQ(word(0x200), 1);

  queue_.UseEventIndex(true);
  Describe(0, kBase + 0x400, 12);
  uint16_t& used_event = word(0x100 + 4 + 2 * 4);
  used_event = 1;  // after the second buffer
  for (bool expected : {false, true, false}) {
    Offer(0);
    ASSERT_TRUE(queue_.Take());
    queue_.Return(0, 12);
    EXPECT_EQ(queue_.WantsInterrupt(), expected);
  }
  queue_.WantKick(true);
  EXPECT_EQ(word(0x200 + 4 + 8 * 4), 3);
  queue_.WantKick(false);
  EXPECT_NE(word(0x200 + 4 + 8 * 4), 3);
}

TEST_F(VirtqueueTest, RefusesAChainWithoutEnd) {
  Describe(0, kBase + 0x400, 12, 1, 1);
  Describe(1, kBase + 0x400, 12, 1, 0);
  Offer(0);
  EXPECT_THROW(queue_.Take(), std::runtime_error);
  Offer(4);
  EXPECT_THROW(queue_.Take(), std::runtime_error);
}

}  // namespace
}  // namespace fabric
