// SPDX-License-Identifier: Apache-2.0
#include "impairment.h"

namespace fabric {

Impairment::Fate Impairment::Judge(const Packet& packet) {
  Fate fate;
  if (config_.protocol >= 0 && packet.Protocol() != config_.protocol) return fate;
  if (config_.homa_type >= 0 && packet.HomaType() != config_.homa_type) return fate;
  if (!burst_left_ && Chance(config_.loss)) burst_left_ = config_.burst_packets;
  if (burst_left_) {
    burst_left_--;
    fate.lost = true;
    return fate;
  }
  fate.duplicated = Chance(config_.duplicate);
  fate.corrupted = Chance(config_.corrupt);
  fate.delayed = Chance(config_.reorder);
  return fate;
}

PacketPtr Impairment::Corrupt(const Packet& packet) {
  constexpr size_t kAddresses = 12;  // an address that nobody has would only be one more loss
  auto copy = std::make_shared<Packet>(packet);
  const uint64_t bit = random_() % ((packet.frame.size() - kAddresses) * 8);
  copy->frame[kAddresses + bit / 8] ^= uint8_t(1 << bit % 8);
  // The hardware of a real receiver would not vouch for this sum any more.
  copy->checksum = Checksum::kUnknown;
  return copy;
}

}  // namespace fabric
