// SPDX-License-Identifier: Apache-2.0
#include "message.h"

#include <algorithm>
#include <cstring>

#include "random.h"

namespace rpcload {
namespace {

constexpr uint8_t kShort = 0x80;

std::vector<uint8_t> MakePattern() {
  std::vector<uint8_t> pattern((kMaxMessage + 8 * kTags + 7) / 8 * 8);
  Random random(0);
  for (size_t i = 0; i < pattern.size(); i += 8) {
    uint64_t word = random.Next();
    memcpy(&pattern[i], &word, 8);
  }
  return pattern;
}

const std::vector<uint8_t>& Pattern() {
  static const std::vector<uint8_t> pattern = MakePattern();
  return pattern;
}

}  // namespace

Header Header::Make(uint32_t request_length, uint32_t response_length, uint64_t tag) {
  Header h;
  h.request_length = request_length;
  h.response_length = response_length;
  if (request_length < kHeaderBytes) {
    h.size = 1;
    h.bytes[0] = static_cast<uint8_t>(kShort | request_length);
    return h;
  }
  h.size = kHeaderBytes;
  h.bytes[0] = static_cast<uint8_t>(tag % kTags);
  for (int i = 0; i < 3; i++) h.bytes[1 + i] = static_cast<uint8_t>(request_length >> (8 * i));
  for (int i = 0; i < 4; i++) h.bytes[4 + i] = static_cast<uint8_t>(response_length >> (8 * i));
  return h;
}

bool Header::Parse(const uint8_t* data, uint32_t have, Header* header) {
  Header& h = *header;
  if (!have) return false;
  h.bytes[0] = data[0];
  if (data[0] & kShort) {
    h.size = 1;
    h.request_length = h.response_length = data[0] & (kShort - 1);
    if (h.request_length >= kHeaderBytes) h.request_length = 0;
    return true;
  }
  if (have < kHeaderBytes) return false;
  memcpy(h.bytes, data, kHeaderBytes);
  h.size = kHeaderBytes;
  h.request_length = data[1] | data[2] << 8 | uint32_t{data[3]} << 16;
  h.response_length = data[4] | data[5] << 8 | data[6] << 16 | uint32_t{data[7]} << 24;
  bool valid = h.request_length >= kHeaderBytes && h.request_length <= kMaxMessage &&
               h.response_length >= 1 && h.response_length <= kMaxMessage;
  if (!valid) h.request_length = 0;
  return true;
}

bool PayloadMatches(const Header& header, const Payload& payload) {
  const uint8_t* pattern = Pattern().data() + header.shift();
  for (uint32_t at = 0, piece = 0; at < payload.length; piece++) {
    const uint8_t* data = payload.Piece(piece);
    uint32_t bytes = std::min(payload.length - at, Payload::kPiece);
    uint32_t skip = at ? 0 : std::min(bytes, header.size);
    if (memcmp(data, header.bytes, skip)) return false;
    if (memcmp(data + skip, pattern + at + skip, bytes - skip)) return false;
    at += bytes;
  }
  return true;
}

MessageBuffer::MessageBuffer() : pattern_(Pattern()) {}

const uint8_t* MessageBuffer::Build(const Header& header, uint32_t length) {
  message_ = pattern_.data() + header.shift();
  header_size_ = std::min(header.size, length);
  memcpy(saved_, message_, header_size_);
  memcpy(message_, header.bytes, header_size_);
  return message_;
}

void MessageBuffer::Release() { memcpy(message_, saved_, header_size_); }

}  // namespace rpcload
