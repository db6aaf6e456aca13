// SPDX-License-Identifier: Apache-2.0
#include "read/recorder.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace hs {
namespace {

namespace fs = std::filesystem;

std::string Content(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class TraceRecorder : public ::testing::Test {
 protected:
  TraceRecorder() {
    std::string name = ::testing::TempDir() + "recorderXXXXXX";
    dir_ = mkdtemp(name.data());
    fs::create_directories(dir_ / "proc/timetrace_captures");
    Put("proc/timetrace", "");
  }
  ~TraceRecorder() override { fs::remove_all(dir_); }

  void Put(const std::string& name, const std::string& text) { std::ofstream(dir_ / name) << text; }

  fs::path dir_;
};

TEST_F(TraceRecorder, ArmsWithOneWordAWrite) {
  Arming arming{.trigger = "homa:rtt p999", .action = "freeze", .pre_ms = 20, .post_ms = 3, .captures = 7,
                .groups = {"net", "sched"}};
  ASSERT_TRUE(ArmRecorder(dir_ / "proc", arming));
  EXPECT_EQ(Content(dir_ / "proc/timetrace"),
            "on net\non sched\ntrigger off\naction freeze\nwindow 20 3\ntrigger homa:rtt p999\n"
            "trigger off\ncaptures 7\ntrigger homa:rtt p999\n");
}

TEST_F(TraceRecorder, DisarmingForgetsNothing) {
  ASSERT_TRUE(ArmRecorder(dir_ / "proc", Arming{.trigger = "off"}));
  EXPECT_EQ(Content(dir_ / "proc/timetrace"), "trigger off\n");
}

TEST_F(TraceRecorder, PeersAreToldAndAllowed) {
  fs::create_directories(dir_ / "proc/sys/net/homa");
  const Arming arming{.trigger = "off", .peers = "10.0.0.0/8"};
  auto armed = ArmRecorder(dir_ / "proc", arming);
  ASSERT_FALSE(armed);
  EXPECT_NE(armed.error().message.find("load homa.ko"), std::string::npos);
  Put("proc/sys/net/homa/freeze_peers", "");
  ASSERT_TRUE(ArmRecorder(dir_ / "proc", arming));
  EXPECT_EQ(Content(dir_ / "proc/sys/net/homa/freeze_peers"), "10.0.0.0/8\n");
  EXPECT_NE(Content(dir_ / "proc/timetrace").find("peers on\n"), std::string::npos);
}

TEST_F(TraceRecorder, WithoutTheModule) {
  auto armed = ArmRecorder(dir_ / "none", Arming{.trigger = "off"});
  ASSERT_FALSE(armed);
  EXPECT_NE(armed.error().message.find("load timetrace.ko"), std::string::npos);
  auto collected = CollectCaptures(dir_ / "none", dir_ / "out", "");
  ASSERT_FALSE(collected);
  EXPECT_NE(collected.error().message.find("load timetrace.ko"), std::string::npos);
  EXPECT_FALSE(fs::exists(dir_ / "out"));
}

TEST_F(TraceRecorder, ARefusedWordIsNamed) {
  auto armed = ArmRecorder("/dev", Arming{.trigger = "off"});
  ASSERT_FALSE(armed);
  fs::remove(dir_ / "proc/timetrace");
  fs::create_symlink("/dev/full", dir_ / "proc/timetrace");
  armed = ArmRecorder(dir_ / "proc", Arming{.trigger = "off"});
  ASSERT_FALSE(armed);
  EXPECT_NE(armed.error().message.find("'trigger off'"), std::string::npos);
}

TEST_F(TraceRecorder, CollectsInOrderAndOverwritesNothing) {
  for (const char* number : {"10", "2", "0"})
    Put(std::string("proc/timetrace_captures/") + number + ".ttd", std::string("dump ") + number);
  auto paths = CollectCaptures(dir_ / "proc", dir_ / "out/deep", "h1-");
  ASSERT_TRUE(paths) << paths.error().message;
  std::vector<std::string> expected;
  for (const char* number : {"0", "2", "10"})
    expected.push_back((dir_ / "out/deep" / (std::string("h1-") + number + ".ttd")).string());
  EXPECT_EQ(*paths, expected);
  EXPECT_EQ(Content(expected[1]), "dump 2");
  Put("proc/timetrace_captures/2.ttd", "another");
  EXPECT_FALSE(CollectCaptures(dir_ / "proc", dir_ / "out/deep", "h1-"));
  EXPECT_EQ(Content(expected[1]), "dump 2");
}

}  // namespace
}  // namespace hs
