// SPDX-License-Identifier: Apache-2.0
// What the messages of the load carry, so that a stream can be cut into requests, a server knows
// how much to answer, and every byte can be checked.
//
// A request of 8 bytes or more begins with a header: byte 0 the tag (0..127), bytes 1-3 the request
// length, bytes 4-7 the response length, little-endian. A shorter request begins with one byte,
// 0x80 + its length, and asks for a response of the same length. All other bytes continue a fixed
// pattern that is shifted by 8 * tag, so that messages of different RPCs differ. A response repeats
// as much of the header as fits and goes on with the same pattern.
#ifndef RPCLOAD_MESSAGE_H_
#define RPCLOAD_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rpcload {

inline constexpr uint32_t kMaxMessage = 1000000;
inline constexpr uint32_t kHeaderBytes = 8;
inline constexpr uint32_t kTags = 128;

struct Header {
  uint8_t bytes[kHeaderBytes] = {};
  uint32_t size = 0;  // header bytes in use: 8, or 1 for short requests
  uint32_t request_length = 0;
  uint32_t response_length = 0;

  // The header of a request; lengths are 1..kMaxMessage, requests below kHeaderBytes have
  // response_length == request_length.
  static Header Make(uint32_t request_length, uint32_t response_length, uint64_t tag);

  // Reads the header from the first `have` bytes of a request. False: more bytes are needed.
  // Lengths out of range come back as request_length == 0.
  static bool Parse(const uint8_t* data, uint32_t have, Header* header);

  uint32_t shift() const { return size == kHeaderBytes ? 8u * bytes[0] : 0; }
};

// A received message: contiguous, or in pieces of kPiece bytes at base + offsets[i].
struct Payload {
  static constexpr uint32_t kPiece = 65536;  // HOMA_BPAGE_SIZE

  const uint8_t* base = nullptr;
  const uint32_t* offsets = nullptr;
  uint32_t length = 0;

  const uint8_t* Piece(uint32_t index) const {
    return base + (offsets ? offsets[index] : size_t{index} * kPiece);
  }
};

// True if every byte of the message is what its header promises.
bool PayloadMatches(const Header& header, const Payload& payload);

// Source of outgoing messages for one thread. Building a message writes only its header.
class MessageBuffer {
 public:
  MessageBuffer();

  // The first `length` bytes of the message that begins with `header`; valid until Release().
  const uint8_t* Build(const Header& header, uint32_t length);
  // Restores the pattern where the header was.
  void Release();

 private:
  std::vector<uint8_t> pattern_;
  uint8_t* message_ = nullptr;
  uint32_t header_size_ = 0;
  uint8_t saved_[kHeaderBytes];
};

}  // namespace rpcload

#endif  // RPCLOAD_MESSAGE_H_
