// SPDX-License-Identifier: Apache-2.0
#include "homa_packet.h"

#include <arpa/inet.h>
#include <endian.h>

#include <algorithm>

namespace {

homa_common_hdr common(const Route& route, int type, std::uint8_t doff = HOMA_DOFF_CONTROL) {
  homa_common_hdr h = {};
  h.sport = htons(route.sport);
  h.dport = htons(route.dport);
  h.type = static_cast<std::uint8_t>(type);
  h.doff = doff;
  h.flags = HOMA_TCP_FLAGS;
  h.urgent = htons(HOMA_TCP_URGENT);
  h.sender_id = htobe64(route.sender_id);
  return h;
}

homa_ack entry(const Ack& ack) {
  homa_ack out = {};
  out.client_id = htobe64(ack.client_id);
  out.server_port = htons(ack.server_port);
  return out;
}

template <class H>
Bytes bytes_of(const H& h) {
  Bytes out(sizeof(h));
  std::memcpy(out.data(), &h, sizeof(h));
  return out;
}

}  // namespace

Bytes data_packet(const Route& route, const Data& data) {
  homa_data_hdr h = {};
  h.common = common(route, HOMA_DATA, HOMA_DOFF_DATA);
  h.common.sequence = htonl(data.sequence.value_or(data.offset));
  h.message_length = htonl(data.message_length);
  h.incoming = htonl(data.incoming.value_or(data.message_length));
  h.ack = entry(data.ack);
  h.retransmit = data.retransmit;
  h.response_unsched = htons(data.response_unsched);
  h.seg_offset = htonl(data.seg_offset.value_or(data.offset));
  Bytes out(sizeof(h) + data.payload.size());
  std::memcpy(out.data(), &h, sizeof(h));
  std::copy(data.payload.begin(), data.payload.end(), out.begin() + sizeof(h));
  return out;
}

Bytes gso_packet(const Route& route, std::uint32_t message_length, std::uint32_t segment) {
  Bytes packet = data_packet(route, {message_length, 0, pattern_bytes(0, segment)});
  packet.at(offsetof(homa_common_hdr, doff)) = HOMA_DOFF_DATA_GSO;
  for (std::uint32_t at = segment; at < message_length; at += segment) {
    const Bytes offset = bytes_of(htonl(at));
    packet.insert(packet.end(), offset.begin(), offset.end());
    const Bytes payload = pattern_bytes(at, std::min(at + segment, message_length));
    packet.insert(packet.end(), payload.begin(), payload.end());
  }
  return packet;
}

Bytes grant_packet(const Route& route, std::uint32_t offset, std::uint8_t level) {
  homa_grant_hdr h = {};
  h.common = common(route, HOMA_GRANT);
  h.offset = htonl(offset);
  h.priority = level;
  return bytes_of(h);
}

Bytes resend_packet(const Route& route, std::uint32_t offset, std::uint32_t length,
                    std::uint8_t level) {
  homa_resend_hdr h = {};
  h.common = common(route, HOMA_RESEND);
  h.offset = htonl(offset);
  h.length = htonl(length);
  h.priority = level;
  return bytes_of(h);
}

Bytes cutoffs_packet(const Route& route, const std::vector<std::uint32_t>& cutoffs,
                     std::uint16_t version) {
  homa_cutoffs_hdr h = {};
  h.common = common(route, HOMA_CUTOFFS);
  for (std::size_t i = 0; i < std::min<std::size_t>(cutoffs.size(), HOMA_MAX_PRIORITIES); i++)
    h.cutoffs[i] = htonl(cutoffs[i]);
  h.version = htons(version);
  return bytes_of(h);
}

Bytes ack_packet(const Route& route, const std::vector<Ack>& acks,
                 std::optional<std::uint16_t> count) {
  homa_ack_hdr h = {};
  h.common = common(route, HOMA_ACK);
  h.num_acks = htons(count.value_or(static_cast<std::uint16_t>(acks.size())));
  for (std::size_t i = 0; i < std::min<std::size_t>(acks.size(), HOMA_MAX_ACKS); i++)
    h.acks[i] = entry(acks[i]);
  return bytes_of(h);
}

Bytes plain_packet(const Route& route, int type) { return bytes_of(common(route, type)); }

Bytes cut(Bytes packet, std::size_t bytes) {
  packet.resize(std::min(bytes, packet.size()));
  return packet;
}

Bytes longer(Bytes packet, std::size_t bytes) {
  packet.resize(packet.size() + bytes, 0x5a);
  return packet;
}

std::uint8_t pattern(std::size_t k) {
  return static_cast<std::uint8_t>(k * 7 + (k >> 8) * 13 + (k >> 16) * 31);
}

Bytes pattern_bytes(std::size_t from, std::size_t to) {
  Bytes out;
  out.reserve(to - from);
  for (std::size_t k = from; k < to; k++) out.push_back(pattern(k));
  return out;
}

std::uint64_t host64(std::uint64_t value) { return be64toh(value); }
