// SPDX-License-Identifier: Apache-2.0
#include "packet.h"

namespace fabric {

namespace {

constexpr size_t kEthernet = 14, kVlanTag = 4, kIpv4 = 20, kIpv6 = 40;

uint16_t Read16(const std::vector<uint8_t>& bytes, size_t at) { return uint16_t(bytes[at] << 8 | bytes[at + 1]); }

bool Tagged(const std::vector<uint8_t>& frame) { return Read16(frame, 12) == 0x8100 && frame.size() >= kEthernet + kVlanTag; }

}  // namespace

size_t Packet::IpOffset() const {
  const size_t type = Tagged(frame) ? 16 : 12;
  switch (Read16(frame, type)) {
    case 0x0800: return frame.size() >= type + 2 + kIpv4 ? type + 2 : 0;
    case 0x86dd: return frame.size() >= type + 2 + kIpv6 ? type + 2 : 0;
    default: return 0;
  }
}

std::optional<int> Packet::Node() const {
  if (frame[0] != 2 || frame[1] || frame[2] || frame[3]) return std::nullopt;
  return Read16(frame, 4);
}

int Packet::Priority() const {
  if (Tagged(frame)) return frame[14] >> 5;
  const size_t ip = IpOffset();
  if (!ip) return 0;
  return frame[ip] >> 4 == 4 ? frame[ip + 1] >> 5 : (frame[ip] & 15) >> 1;
}

int Packet::Protocol() const {
  const size_t ip = IpOffset();
  return ip ? frame[ip + (frame[ip] >> 4 == 4 ? 9 : 6)] : -1;
}

int Packet::HomaType() const {
  constexpr size_t kTypeOffset = 11;  // of module/uapi/homa_wire.h
  if (Protocol() != 146) return -1;
  const size_t ip = IpOffset();
  const size_t at = ip + (frame[ip] >> 4 == 4 ? (frame[ip] & 15) * 4u : kIpv6) + kTypeOffset;
  return at < frame.size() ? frame[at] : -1;
}

uint64_t Packet::FlowHash() const {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  auto mix = [&](size_t from, size_t length) {
    for (size_t i = from; i < from + length && i < frame.size(); i++) hash = (hash ^ frame[i]) * 0x100000001b3;
  };
  const size_t ip = IpOffset();
  if (!ip) {
    mix(0, 12);
  } else if (frame[ip] >> 4 == 4) {
    mix(ip + 9, 1);
    mix(ip + 12, 8);
    // Fragments but the first carry no ports: none counts for any, or one datagram would take two paths.
    if (!(Read16(frame, ip + 6) & 0x3fff)) mix(ip + (frame[ip] & 15) * 4u, 4);
  } else {
    mix(ip + 6, 1);
    mix(ip + 8, 32);
    mix(ip + kIpv6, 4);
  }
  return hash ^ hash >> 32;  // the low bits of FNV alone are weak
}

bool Packet::EcnCapable() const {
  const size_t ip = IpOffset();
  if (!ip) return false;
  const int ecn = frame[ip] >> 4 == 4 ? frame[ip + 1] & 3 : frame[ip + 1] >> 4 & 3;
  return ecn != 0;
}

void Packet::MarkCongestion() {
  const size_t ip = IpOffset();
  if (frame[ip] >> 4 != 4) {
    frame[ip + 1] |= 0x30;
    return;
  }
  const uint16_t before = Read16(frame, ip);
  frame[ip + 1] |= 3;
  // RFC 1624: the new sum from the old one and the changed word.
  uint32_t sum = uint32_t(uint16_t(~Read16(frame, ip + 10))) + uint16_t(~before) + Read16(frame, ip);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  frame[ip + 10] = uint8_t(~sum >> 8);
  frame[ip + 11] = uint8_t(~sum);
}

std::vector<uint8_t> MacOf(int node) { return {2, 0, 0, 0, uint8_t(node >> 8), uint8_t(node)}; }

Ns SerialisationNs(uint64_t wire_bytes, uint64_t bits_per_second) {
  return (wire_bytes * 8 * 1'000'000'000 + bits_per_second - 1) / bits_per_second;
}

}  // namespace fabric
