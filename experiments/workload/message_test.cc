// SPDX-License-Identifier: Apache-2.0
#include "message.h"

#include <gtest/gtest.h>

#include <cstring>

#include "sizes.h"

namespace rpcload {
namespace {

TEST(Header, SurvivesTheWire) {
  for (uint32_t length : {8u, 9u, 100u, 65536u, kMaxMessage}) {
    for (uint32_t response : {1u, 8u, 65537u, kMaxMessage}) {
      Header made = Header::Make(length, response, 77), parsed;
      ASSERT_TRUE(Header::Parse(made.bytes, kHeaderBytes, &parsed));
      EXPECT_EQ(parsed.request_length, length);
      EXPECT_EQ(parsed.response_length, response);
      EXPECT_EQ(parsed.shift(), 77u * 8);
      EXPECT_FALSE(Header::Parse(made.bytes, kHeaderBytes - 1, &parsed));
    }
  }
}

TEST(Header, ShortRequests) {
  Header parsed;
  EXPECT_FALSE(Header::Parse(nullptr, 0, &parsed));
  for (uint32_t length = 1; length < kHeaderBytes; length++) {
    Header made = Header::Make(length, length, 77);
    ASSERT_TRUE(Header::Parse(made.bytes, 1, &parsed));
    EXPECT_EQ(parsed.request_length, length);
    EXPECT_EQ(parsed.response_length, length);
    EXPECT_EQ(parsed.shift(), 0u);
  }
}

TEST(Header, RefusesNonsense) {
  Header parsed;
  for (const char* bytes : {
           "\x80", "\x88", "\xff",                 // short of 0, 8, 127 bytes
           "\0\x07\0\0\x08\0\0\0",                 // long of 7 bytes
           "\0\x08\0\0\0\0\0\0",                   // empty response
           "\0\x41\x42\x0f\x08\0\0\0",             // request of 1,000,001 bytes
           "\0\x08\0\0\x41\x42\x0f\0",             // response of 1,000,001 bytes
           "\0\x08\0\0\0\0\0\x80",
       }) {
    ASSERT_TRUE(Header::Parse(reinterpret_cast<const uint8_t*>(bytes), kHeaderBytes, &parsed));
    EXPECT_EQ(parsed.request_length, 0u);
  }
}

TEST(Message, EveryByteIsChecked) {
  MessageBuffer buffer;
  for (uint32_t length : {1u, 7u, 8u, 9u, 100u, 1000u}) {
    Header header = Header::Make(length, length, 3);
    const uint8_t* built = buffer.Build(header, length);
    std::vector<uint8_t> message(built, built + length);
    buffer.Release();
    EXPECT_TRUE(PayloadMatches(header, {message.data(), nullptr, length}));
    for (uint32_t i = 0; i < length; i++) {
      message[i] ^= 0x10;
      EXPECT_FALSE(PayloadMatches(header, {message.data(), nullptr, length})) << i;
      message[i] ^= 0x10;
    }
  }
}

TEST(Message, ReleaseRestoresThePattern) {
  MessageBuffer buffer;
  for (uint64_t tag = 0; tag < 2 * kTags; tag++) {
    Header header = Header::Make(3000, 3000, tag);
    const uint8_t* message = buffer.Build(header, 3000);
    ASSERT_TRUE(PayloadMatches(header, {message, nullptr, 3000})) << tag;
    buffer.Release();
  }
}

TEST(Message, TagsMakeMessagesDiffer) {
  MessageBuffer buffer;
  Header one = Header::Make(100, 100, 1), two = Header::Make(100, 100, 2);
  const uint8_t* message = buffer.Build(one, 100);
  EXPECT_FALSE(PayloadMatches(two, {message, nullptr, 100}));
}

TEST(Message, ScatteredPieces) {
  const uint32_t length = 2 * Payload::kPiece + 500;
  MessageBuffer buffer;
  Header header = Header::Make(length, length, 9);
  const uint8_t* message = buffer.Build(header, length);
  // Pieces in the order 2, 0, 1, the last one inside its page.
  std::vector<uint8_t> region(3 * Payload::kPiece);
  const uint32_t offsets[] = {2 * Payload::kPiece, 0, Payload::kPiece + 77};
  memcpy(&region[offsets[0]], message, Payload::kPiece);
  memcpy(&region[offsets[1]], message + Payload::kPiece, Payload::kPiece);
  memcpy(&region[offsets[2]], message + 2 * Payload::kPiece, 500);
  EXPECT_TRUE(PayloadMatches(header, {region.data(), offsets, length}));
  region[offsets[2] + 499] ^= 1;
  EXPECT_FALSE(PayloadMatches(header, {region.data(), offsets, length}));
}

TEST(Sizes, ParsesRanges) {
  SizeRange r;
  std::string error;
  ASSERT_TRUE(SizeRange::Parse("100", 1000, &r, &error));
  EXPECT_EQ(r.min, 100u);
  EXPECT_EQ(r.max, 100u);
  ASSERT_TRUE(SizeRange::Parse("1-1000", 1000, &r, &error));
  EXPECT_EQ(r.min, 1u);
  EXPECT_EQ(r.max, 1000u);
  for (const char* bad : {"", "0", "1001", "5-4", "5-", "-5", "5-6-7", "5k", "1-1001", " 5"}) {
    EXPECT_FALSE(SizeRange::Parse(bad, 1000, &r, &error)) << bad;
    EXPECT_NE(error.find(bad), std::string::npos);
  }
}

TEST(Sizes, SeedDecides) {
  Sizes a({1, 1000}, 5), b({1, 1000}, 5), c({1, 1000}, 6);
  bool differs = false;
  for (int i = 0; i < 1000; i++) {
    uint32_t v = a.Next();
    ASSERT_GE(v, 1u);
    ASSERT_LE(v, 1000u);
    ASSERT_EQ(v, b.Next());
    differs |= v != c.Next();
  }
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace rpcload
