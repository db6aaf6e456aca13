// SPDX-License-Identifier: Apache-2.0
// Homa packets as bytes, legal or not, and back.
#ifndef TESTS_PACKET_HOMA_PACKET_H
#define TESTS_PACKET_HOMA_PACKET_H

#include <homa_wire.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <vector>

using Bytes = std::vector<std::uint8_t>;

// Who sends the packet, as its header tells.
struct Route {
  std::uint16_t sport;
  std::uint16_t dport;
  std::uint64_t sender_id;
};

struct Ack {
  std::uint64_t client_id = 0;
  std::uint16_t server_port = 0;
};

// A DATA packet; the offset stands in both places unless one is given.
struct Data {
  std::uint32_t message_length;
  std::uint32_t offset;
  Bytes payload;
  std::optional<std::uint32_t> incoming = {};  // default: message_length
  bool retransmit = false;
  std::uint16_t response_unsched = 0;
  Ack ack = {};
  std::optional<std::uint32_t> sequence = {};
  std::optional<std::uint32_t> seg_offset = {};
};

Bytes data_packet(const Route& route, const Data& data);
// All of a pattern in one packet that repeats its offset in front of each @segment bytes.
Bytes gso_packet(const Route& route, std::uint32_t message_length, std::uint32_t segment);
Bytes grant_packet(const Route& route, std::uint32_t offset, std::uint8_t level);
Bytes resend_packet(const Route& route, std::uint32_t offset, std::uint32_t length,
                    std::uint8_t level = 7);
Bytes cutoffs_packet(const Route& route, const std::vector<std::uint32_t>& cutoffs,
                     std::uint16_t version);
Bytes ack_packet(const Route& route, const std::vector<Ack>& acks = {},
                 std::optional<std::uint16_t> count = {});
// BUSY, FREEZE, NEED_ACK, RPC_UNKNOWN, and types that do not exist.
Bytes plain_packet(const Route& route, int type);

Bytes cut(Bytes packet, std::size_t bytes);     // shortened to @bytes
Bytes longer(Bytes packet, std::size_t bytes);  // with @bytes more behind

// Byte @k of every message sent here.
std::uint8_t pattern(std::size_t k);
Bytes pattern_bytes(std::size_t from, std::size_t to);

// Network byte order to host's.
std::uint64_t host64(std::uint64_t value);

// The header of type @H at the start of @packet, which must be long enough.
template <class H>
H header(const Bytes& packet) {
  H out;
  if (packet.size() < sizeof(out)) throw std::runtime_error("packet shorter than its header");
  std::memcpy(&out, packet.data(), sizeof(out));
  return out;
}

#endif
