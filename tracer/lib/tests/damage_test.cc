// SPDX-License-Identifier: Apache-2.0
// Damaged dumps: reported, never a crash (run under sanitizers), and what can
// be trusted is still read.
#include <timetrace/record.h>

#include <cstring>
#include <random>

#include "sample.h"

namespace timetrace_test {
namespace {

class Damage : public ::testing::Test {
 protected:
  void SetUp() override {
    Writer writer = NewWriter();
    std::mt19937_64 random(1);
    for (uint64_t i = 0; i < kRecords; i++) {
      uint64_t args[TT_MAX_ARGS];
      for (uint64_t& arg : args) arg = random();
      uint64_t gap = i % 100 == 0 ? 10000000 : 500;
      time_ += gap;
      ASSERT_EQ(tt_writer_add(writer.get(), time_, static_cast<uint32_t>(random() % 2),
                              static_cast<uint32_t>(random() % 4), args), 0);
    }
    Save(writer.get(), dir_.File("good"));
    good_ = ReadFile(dir_.File("good"));
    std::memcpy(&header_, good_.data(), sizeof(header_));
  }

  Reading ReadBytes(const std::string& bytes) {
    WriteFile(dir_.File("bad"), bytes);
    return Read(dir_.File("bad"));
  }

  size_t BlockOffset(size_t i) const {
    return header_.header_bytes + header_.dictionary_bytes + i * header_.block_bytes;
  }

  // Whatever happened, it must have been noticed and nothing may be invented.
  static void ExpectReported(const Reading& r, const std::string& what) {
    EXPECT_NE(r.error, "") << what;
    if (r.open_result == 0) {
      EXPECT_LE(r.events.size(), kRecords) << what;
    }
  }

  static constexpr uint64_t kRecords = 4000;
  TempDir dir_;
  std::string good_;
  tt_file_header header_;
  uint64_t time_ = 1000000;
};

TEST_F(Damage, MissingFile) {
  Reading r = Read(dir_.File("none"));
  EXPECT_EQ(r.open_result, -ENOENT);
  EXPECT_NE(r.error.find("none"), std::string::npos);
}

TEST_F(Damage, EmptyAndForeignFiles) {
  EXPECT_NE(ReadBytes("").open_result, 0);
  EXPECT_NE(ReadBytes("short").open_result, 0);
  EXPECT_NE(ReadBytes(std::string(5000, 'x')).open_result, 0);
  Reading r = Read("/");
  EXPECT_NE(r.open_result, 0);
}

TEST_F(Damage, OtherVersion) {
  std::string bytes = good_;
  bytes[offsetof(tt_file_header, version)] = 99;
  Reading r = ReadBytes(bytes);
  EXPECT_EQ(r.open_result, -EPROTO);
  EXPECT_NE(r.error.find("version 99"), std::string::npos);
}

// Not damaged: headers and entries of the dictionary are shorter.
TEST_F(Damage, VersionsBeforeAreRead) {
  std::string version5 = good_;
  MakeVersion5(&version5);
  EXPECT_LT(version5.size(), good_.size());
  Reading r = ReadBytes(version5);
  EXPECT_EQ(r.error, "");
  EXPECT_TRUE(r.events == ReadBytes(good_).events);

  tt_file_header header;
  std::memcpy(&header, version5.data(), sizeof(header));
  header.version = 4;
  header.header_bytes = TT_HEADER_BYTES_V4;
  tt_file_end end;
  std::string bytes = std::string(reinterpret_cast<const char*>(&header), TT_HEADER_BYTES_V4) +
                      version5.substr(header_.header_bytes);
  std::memcpy(&end, bytes.data() + bytes.size() - sizeof(end), sizeof(end));
  end.file_bytes = bytes.size();
  bytes.replace(bytes.size() - sizeof(end), sizeof(end), reinterpret_cast<const char*>(&end), sizeof(end));
  r = ReadBytes(bytes);
  EXPECT_EQ(r.error, "");
  EXPECT_EQ(r.events.size(), kRecords);
}

TEST_F(Damage, WrongDictionaryIsRefused) {
  for (size_t at = header_.header_bytes; at < BlockOffset(0); at++) {
    std::string bytes = good_;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    EXPECT_EQ(ReadBytes(bytes).open_result, -EBADMSG) << at;
  }
}

TEST_F(Damage, TruncatedAnywhere) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 300; i++) {
    size_t size = i < 100 ? good_.size() - 1 - static_cast<size_t>(i) : random() % good_.size();
    ExpectReported(ReadBytes(good_.substr(0, size)), "cut to " + std::to_string(size));
  }
}

TEST_F(Damage, TruncationKeepsTheBlocksBefore) {
  Reading whole = ReadBytes(good_);
  ASSERT_EQ(whole.events.size(), kRecords);
  Reading r = ReadBytes(good_.substr(0, BlockOffset(3) + 10));
  ASSERT_EQ(r.open_result, 0);
  tt_block block;
  uint64_t expected = 0;
  for (size_t i = 0; i < 3; i++) {
    std::memcpy(&block, good_.data() + BlockOffset(i), sizeof(block));
    expected += TT_COMMIT_RECORDS(block.commit);
  }
  EXPECT_EQ(r.events.size(), expected);
}

TEST_F(Damage, BadBlockHeaderLosesThatBlockOnly) {
  tt_block block;
  std::memcpy(&block, good_.data() + BlockOffset(1), sizeof(block));
  std::string bytes = good_;
  bytes[BlockOffset(1)] = 0;
  Reading r = ReadBytes(bytes);
  ASSERT_EQ(r.open_result, 0);
  EXPECT_NE(r.error, "");
  EXPECT_EQ(r.events.size(), kRecords - TT_COMMIT_RECORDS(block.commit));
  EXPECT_EQ(r.lost[0][TT_LOSS_DAMAGED], header_.block_bytes);
  EXPECT_GT(r.complete_since[0], block.time_ns);
}

TEST_F(Damage, LyingLengths) {
  for (uint64_t commit : {0ull, 1ull, 0xffffull, ~0ull, 4032ull, 4033ull, 5ull << 16 | 4032}) {
    std::string bytes = good_;
    std::memcpy(&bytes[BlockOffset(0) + offsetof(tt_block, commit)], &commit, sizeof(commit));
    ExpectReported(ReadBytes(bytes), "commit " + std::to_string(commit));
  }
  for (uint64_t blocks : {0ull, header_.blocks - 1ull, header_.blocks + 1ull, ~0ull}) {
    std::string bytes = good_;
    std::memcpy(&bytes[offsetof(tt_file_header, blocks)], &blocks, sizeof(blocks));
    ExpectReported(ReadBytes(bytes), "blocks " + std::to_string(blocks));
  }
}

// Flips in time or arguments cannot be noticed; all others only must not crash.
TEST_F(Damage, RandomFlips) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 1500; i++) {
    std::string bytes = good_;
    int flips = 1 + static_cast<int>(random() % 20);
    for (int k = 0; k < flips; k++) {
      size_t at = random() % bytes.size();
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    }
    Reading r = ReadBytes(bytes);
    if (r.open_result == 0) {
      EXPECT_EQ(r.next_result, 0);
      EXPECT_LE(r.events.size(), good_.size() / 4);
    }
  }
}

TEST_F(Damage, RandomHeaders) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 1500; i++) {
    std::string bytes = good_;
    // Structured places: file header, block headers, the words behind them.
    size_t base = i % 2 ? 8 : BlockOffset(random() % header_.blocks);
    size_t at = base + random() % (i % 2 ? 72 : 96);
    uint32_t word = random() % 3 ? static_cast<uint32_t>(random()) : 0xffffffffu;
    std::memcpy(&bytes[at], &word, sizeof(word));
    Reading r = ReadBytes(bytes);
    EXPECT_EQ(r.next_result, 0);
  }
}

TEST_F(Damage, BlocksInDisorderOrTwice) {
  std::string bytes = good_;
  std::swap_ranges(bytes.begin() + static_cast<long>(BlockOffset(0)),
                   bytes.begin() + static_cast<long>(BlockOffset(1)),
                   bytes.begin() + static_cast<long>(BlockOffset(1)));
  Reading r = ReadBytes(bytes);
  ASSERT_EQ(r.open_result, 0);
  EXPECT_EQ(r.events.size(), kRecords);
  for (size_t i = 1; i < r.events.size(); i++)
    ASSERT_LE(r.events[i - 1].time_ns, r.events[i].time_ns);
  EXPECT_GT(r.complete_since[0], 0u);
}

}  // namespace
}  // namespace timetrace_test
