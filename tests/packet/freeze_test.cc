// SPDX-License-Identifier: Apache-2.0
// FREEZE: honoured from who is allowed to, and not too often.
#include <chrono>
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

}  // namespace
