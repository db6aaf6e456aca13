// SPDX-License-Identifier: Apache-2.0
// FREEZE: honoured from who is allowed to, and not too often.
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "fixture.h"

namespace {

class FreezeTest : public PacketTest {
 protected:
  void freeze() {
    send(plain_packet({kRawPort, 0, 0}, HOMA_FREEZE));
    settle();
  }
};

std::string trace() {
  std::ostringstream text;
  text << std::ifstream("/proc/timetrace").rdbuf();
  return text.str();
}

TEST_F(FreezeTest, Refused) {
  freeze();
  EXPECT_EQ(counted("freezes"), 0u);
  EXPECT_EQ(counted("drop_NOT_ALLOWED"), 1u);
  // Settings name hosts, not whoever has the same first bits of another family.
  Setting others("freeze_peers", "10.0.2.0/24 fd00:2::/64 192.168.0.1/32");
  freeze();
  EXPECT_EQ(counted("freezes"), 0u);
  EXPECT_EQ(counted("drop_NOT_ALLOWED"), 2u);
}

TEST_F(FreezeTest, Allowed) {
  // An earlier one may be less than a second old.
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  Setting all("freeze_peers", "10.0.1.0/24 fd00:1::/64");
  freeze();
  EXPECT_EQ(counted("freezes"), 1u);
  // However fast they come, one a second counts.
  for (int i = 0; i < 20; i++) send(plain_packet({kRawPort, 0, 0}, HOMA_FREEZE));
  settle();
  EXPECT_EQ(counted("packets_rcvd_FREEZE"), 21u);
  EXPECT_EQ(counted("freezes") + counted("drop_RATE"), 21u);
  EXPECT_GE(counted("drop_RATE"), 1u);
  if (!std::ifstream("/proc/timetrace")) GTEST_SKIP() << "no recorder";
  // The trace shows texts in pieces of eight characters.
  std::string seen;
  for (int tries = 0; tries < 100 && seen.find("FREEZE f") == std::string::npos; tries++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    seen = trace();
  }
  EXPECT_NE(seen.find("FREEZE f"), std::string::npos);
  std::ofstream("/proc/timetrace") << "thaw";
}

// Bytes of a dump, or none.
std::string dump(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

std::uint64_t capture_of(const std::string& bytes) {
  std::uint64_t capture = 0;
  if (bytes.size() >= 264) memcpy(&capture, bytes.data() + 256, sizeof(capture));
  return capture;
}

void word(const std::string& text) { std::ofstream("/proc/timetrace") << text << std::flush; }

// What the sender calls the moment is in the trace: of a recorder that stops, and of an armed one, which goes on.
TEST_F(FreezeTest, NamesTheMoment) {
  if (!std::ifstream("/proc/timetrace")) GTEST_SKIP() << "no recorder";
  Setting all("freeze_peers", "10.0.1.0/24 fd00:1::/64");
  auto send_named = [&](std::uint64_t capture) {
    // An earlier one may be less than a second old.
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    Bytes packet = longer(plain_packet({kRawPort, 0, 0}, HOMA_FREEZE), 8);
    for (int i = 0; i < 8; i++) packet[28 + i] = static_cast<std::uint8_t>(capture >> (56 - 8 * i));
    send(packet);
    settle();
  };
  auto wait_for = [](const std::string& path, std::uint64_t capture) {
    std::uint64_t found = 0;
    for (int tries = 0; tries < 200 && found != capture; tries++) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      found = capture_of(dump(path));
    }
    return found;
  };
  send_named(0x1122334455667788);
  EXPECT_EQ(wait_for("/proc/timetrace_raw", 0x1122334455667788), 0x1122334455667788u);
  word("thaw");
  EXPECT_EQ(capture_of(dump("/proc/timetrace_raw")), 0u);

  word("captures 1");
  word("trigger event homa_rpc_timeout");
  send_named(0x8877665544332211);
  EXPECT_EQ(wait_for("/proc/timetrace_captures/0.ttd", 0x8877665544332211), 0x8877665544332211u);
  word("mark goes_on");
  EXPECT_NE(trace().find("goes_on"), std::string::npos);
  // That was the only capture it may take: another one does not stop it either, until nobody wants captures any more.
  send_named(0x0102030405060708);
  EXPECT_EQ(counted("freezes"), 3u);
  word("mark still_on");
  EXPECT_NE(trace().find("still_on"), std::string::npos);
  EXPECT_EQ(capture_of(dump("/proc/timetrace_raw")), 0u);
  word("captures 1");
  word("trigger off");
  send_named(0x0807060504030201);
  EXPECT_EQ(wait_for("/proc/timetrace_raw", 0x0807060504030201), 0x0807060504030201u);
  word("thaw");
}

}  // namespace
