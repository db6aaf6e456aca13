// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace fabric {
namespace {

std::string ErrorOf(const std::string& text) {
  // Cases run at the same time.
  const std::string path = testing::TempDir() + "fabric_config_test." + std::to_string(getpid());
  std::ofstream(path) << text;
  std::string what;
  try {
    ReadConfig(path, 4);
  } catch (const std::runtime_error& error) {
    what = error.what();
  }
  unlink(path.c_str());
  return what;
}

TEST(ConfigTest, ReadsWhatTheRepositoryShips) {
  const std::string folder = TOPOLOGIES;
  EXPECT_EQ(ReadConfig(folder + "/single.toml", 4).host.rate_bps, 10'000'000'000u);
  const Config leaf_spine = ReadConfig(folder + "/leaf-spine.toml", 4);
  EXPECT_EQ(leaf_spine.kind, Config::Kind::kLeafSpine);
  EXPECT_TRUE(leaf_spine.queue.shared);
  EXPECT_EQ(leaf_spine.trunk.rate_bps, 40'000'000'000u);
  EXPECT_EQ(ReadConfig(folder + "/lossy.toml", 4).impair.burst_packets, 2u);
}

TEST(ConfigTest, SaysWhatIsWrongAndWhere) {
  using testing::HasSubstr;
  EXPECT_THAT(ErrorOf("[host]\nrate_gpbs = 1\n"), HasSubstr(":2: 'rate_gpbs' in [host] is unknown"));
  EXPECT_THAT(ErrorOf("[hots]\n"), HasSubstr("'hots' is unknown; there are: clock fault host"));
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

TEST(ConfigTest, FaultsAndClocksFitTheNodes) {
  using testing::HasSubstr;
  EXPECT_EQ(ErrorOf("[[fault]]\nkind = \"link_down\"\nnode = 3\nat_ns = 5\nfor_ns = 7\n"), "");
  EXPECT_THAT(ErrorOf("[[fault]]\nkind = \"link_down\"\nnode = 4\nat_ns = 5\nfor_ns = 7\n"), HasSubstr("from 0 to 3"));
  EXPECT_THAT(ErrorOf("[[fault]]\nkind = \"link_down\"\nnode = 0\nat_ns = 5\n"), HasSubstr("lacks 'for_ns'"));
  EXPECT_THAT(ErrorOf("[[fault]]\nkind = \"kill\"\nnode = 0\nat_ns = 5\nfor_ns = 7\n"), HasSubstr("'for_ns' in [fault] is unknown"));
  EXPECT_THAT(ErrorOf("[[fault]]\nkind = \"link_down\"\nnode = 0\nat_ns = 5\nfor_ns = 7\nevery_ns = 7\n"), HasSubstr("from 8"));
  EXPECT_THAT(ErrorOf("[fault]\nkind = \"kill\"\n"), HasSubstr("[[fault]]"));
  EXPECT_EQ(ErrorOf("[clock]\noffset_ns = [0, 5]\ndrift_ppm = [1.5, -20, 3]\n"), "");
  EXPECT_THAT(ErrorOf("[clock]\ndrift_ppm = [1, 2, 3, 4, 5]\n"), HasSubstr("at most 4 numbers"));
  EXPECT_THAT(ErrorOf("[clock]\noffset_ns = [-1]\n"), HasSubstr("from 0"));
  EXPECT_THAT(ErrorOf("kind = \"leaf-spine\"\n[leaf_spine]\nleaves = 5\n"), HasSubstr("are 5, for 4 nodes"));
  EXPECT_THAT(ErrorOf("[host]\nchecksum_offload = false\nsegmentation_offload = true\n"), HasSubstr("needs checksum_offload"));
  EXPECT_THAT(ErrorOf("[impair]\nhoma_type = \"GRAND\"\n"), HasSubstr("\"GRANT\""));
}

TEST(ConfigTest, NoSuchFile) { EXPECT_THROW(ReadConfig("/nowhere.toml", 4), std::runtime_error); }

}  // namespace
}  // namespace fabric
