// SPDX-License-Identifier: Apache-2.0
#include "segment.h"

#include <algorithm>
#include <stdexcept>

namespace fabric {

namespace {

constexpr uint8_t kFin = 1, kPush = 8, kReducedWindow = 0x80;

uint16_t Read16(const uint8_t* at) { return uint16_t(at[0] << 8 | at[1]); }
uint32_t Read32(const uint8_t* at) { return uint32_t(Read16(at)) << 16 | Read16(at + 2); }
void Write16(uint8_t* at, size_t value) { at[0] = uint8_t(value >> 8), at[1] = uint8_t(value); }
void Write32(uint8_t* at, uint32_t value) { Write16(at, value >> 16), Write16(at + 2, value & 0xffff); }

uint32_t Sum(const uint8_t* at, size_t bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes; i += 2) sum += Read16(at + i);
  return sum;
}

uint16_t Fold(uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return uint16_t(sum);
}

}  // namespace

std::vector<Packet> Segment(const Packet& packet, size_t header_bytes, size_t segment_bytes) {
  const std::vector<uint8_t>& frame = packet.frame;
  const size_t transport = packet.checksum_start;
  const bool fits = header_bytes < frame.size() && segment_bytes && transport >= 34 && transport + 20 <= header_bytes &&
                    packet.checksum_offset + size_t{2} <= header_bytes - transport;
  if (!fits) throw std::runtime_error("a frame to be segmented has impossible headers");
  const size_t ip = transport >= 54 && frame[transport - 40] >> 4 == 6 ? transport - 40 : transport - 20;
  const bool v6 = frame[ip] >> 4 == 6;

  std::vector<Packet> segments;
  for (size_t from = header_bytes; from < frame.size(); from += segment_bytes) {
    const size_t bytes = std::min(segment_bytes, frame.size() - from);
    const bool first = segments.empty(), last = from + bytes == frame.size();
    Packet segment = packet;
    segment.frame.assign(frame.begin(), frame.begin() + ptrdiff_t(header_bytes));
    segment.frame.insert(segment.frame.end(), frame.begin() + ptrdiff_t(from), frame.begin() + ptrdiff_t(from + bytes));
    uint8_t* header = segment.frame.data();
    const size_t length = segment.frame.size() - transport;
    uint32_t addresses;
    if (v6) {
      Write16(header + ip + 4, length);
      addresses = Sum(header + ip + 8, 32);
    } else {
      Write16(header + ip + 2, segment.frame.size() - ip);
      Write16(header + ip + 4, Read16(header + ip + 4) + segments.size());
      Write16(header + ip + 10, 0);
      Write16(header + ip + 10, uint16_t(~Fold(Sum(header + ip, 20))));
      addresses = Sum(header + ip + 12, 8);
    }
    Write32(header + transport + 4, Read32(header + transport + 4) + uint32_t(from - header_bytes));
    uint8_t* flags = header + transport + 13;
    if (!last) *flags &= uint8_t(~(kFin | kPush));
    if (!first) *flags &= uint8_t(~kReducedWindow);
    Write16(header + transport + packet.checksum_offset, Fold(addresses + header[ip + (v6 ? 6 : 9)] + uint32_t(length)));
    segments.push_back(std::move(segment));
  }
  return segments;
}

}  // namespace fabric
