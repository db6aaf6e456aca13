// SPDX-License-Identifier: Apache-2.0
// What a card does for a guest that leaves segmentation to it.
#ifndef FABRIC_SEGMENT_H_
#define FABRIC_SEGMENT_H_

#include <cstddef>
#include <vector>

#include "packet.h"

namespace fabric {

// Cuts a frame behind its first header_bytes into segments of segment_bytes, as for TCP: each has all headers, with
// its own length, IPv4 id, sequence number and flags. Its checksum is as partial as that of the frame.
// Throws std::runtime_error if the headers are none.
std::vector<Packet> Segment(const Packet& packet, size_t header_bytes, size_t segment_bytes);

}  // namespace fabric

#endif  // FABRIC_SEGMENT_H_
