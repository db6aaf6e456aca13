// SPDX-License-Identifier: Apache-2.0
// A frame on its way, and what a switch reads from it.
#ifndef FABRIC_PACKET_H_
#define FABRIC_PACKET_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "events.h"

namespace fabric {

inline constexpr int kPriorities = 8;

enum class Checksum : uint8_t {
  kUnknown,  // the receiver must verify it
  kPartial,  // the guest left the sum at [start + offset] to the hardware
  kGood,
};

struct Packet {
  uint64_t id = 0;                   // as the sending host numbered it over the whole cluster
  Checksum checksum = Checksum::kUnknown;
  uint16_t checksum_start = 0, checksum_offset = 0;
  std::vector<uint8_t> frame;        // Ethernet, without preamble and check sequence

  // Bytes a frame takes on the wire: check sequence, preamble, gap; short ones are padded.
  uint64_t WireBytes() const { return std::max<uint64_t>(frame.size(), 60) + 24; }

  bool ForAll() const { return frame[0] & 1; }
  std::optional<int> Node() const;   // which host the destination address names
  int Priority() const;              // 0..7: PCP of a tagged frame, else the top bits of the traffic class
  int Protocol() const;              // IP protocol, -1 if it is not IP
  int HomaType() const;              // -1 if it is not Homa
  uint64_t FlowHash() const;         // of addresses, protocol and ports
  bool EcnCapable() const;
  void MarkCongestion();             // sets CE, and keeps the IPv4 header checksum right

 private:
  size_t IpOffset() const;           // 0 if it is not IP
};

// A copy on a second path is cheap until somebody changes it.
using PacketPtr = std::shared_ptr<const Packet>;

// Host addresses: 02:00:00:00 and the node, so that no switch has to learn.
std::vector<uint8_t> MacOf(int node);

// Time on a link of that rate.
Ns SerialisationNs(uint64_t wire_bytes, uint64_t bits_per_second);

}  // namespace fabric

#endif  // FABRIC_PACKET_H_
