// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace fabric {
namespace {

std::string ErrorOf(const std::string& text) {
  const std::string path = testing::TempDir() + "fabric_config_test.toml";
  std::ofstream(path) << text;
  try {
    ReadConfig(path);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(ConfigTest, ReadsWhatTheRepositoryShips) {
  const std::string folder = TOPOLOGIES;
  EXPECT_EQ(ReadConfig(folder + "/single.toml").host.rate_bps, 10'000'000'000u);
  const Config leaf_spine = ReadConfig(folder + "/leaf-spine.toml");
  EXPECT_EQ(leaf_spine.kind, Config::Kind::kLeafSpine);
  EXPECT_TRUE(leaf_spine.queue.shared);
  EXPECT_EQ(leaf_spine.trunk.rate_bps, 40'000'000'000u);
  EXPECT_EQ(ReadConfig(folder + "/lossy.toml").impair.burst_packets, 2u);
}

TEST(ConfigTest, SaysWhatIsWrongAndWhere) {
  using testing::HasSubstr;
  EXPECT_THAT(ErrorOf("[host]\nrate_gpbs = 1\n"), HasSubstr(":2: 'rate_gpbs' in [host] is unknown"));
  EXPECT_THAT(ErrorOf("[hots]\n"), HasSubstr("'hots' is unknown; there are: host"));
  EXPECT_THAT(ErrorOf("[host]\nrate_gbps = 0\n"), HasSubstr("from 1 to 400"));
  EXPECT_THAT(ErrorOf("[host]\nmtu_bytes = 9001\n"), HasSubstr("1280 to 9000"));
  EXPECT_THAT(ErrorOf("[host]\nmtu_bytes = \"big\"\n"), HasSubstr("whole number"));
  EXPECT_THAT(ErrorOf("[impair]\nloss = 1.5\n"), HasSubstr("from 0 to 1"));
  EXPECT_THAT(ErrorOf("[impair]\nloss = nan\n"), HasSubstr("from 0 to 1"));
  EXPECT_THAT(ErrorOf("kind = \"ring\"\n"), HasSubstr("\"single\" or \"leaf-spine\""));
  EXPECT_THAT(ErrorOf("host = 3\n"), HasSubstr("must be a table"));
  EXPECT_THAT(ErrorOf("[leaf_spine]\nleaves = 2\n"), HasSubstr("needs kind"));
  EXPECT_THAT(ErrorOf("[host\n"), HasSubstr(":1"));
  for (const char* text : {"[host]\nx = 1\n", "[host\n", "kind = 1\n"})
    EXPECT_EQ(ErrorOf(text).find('\n'), std::string::npos);
}

TEST(ConfigTest, NoSuchFile) { EXPECT_THROW(ReadConfig("/nowhere.toml"), std::runtime_error); }

}  // namespace
}  // namespace fabric
