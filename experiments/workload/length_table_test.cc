// SPDX-License-Identifier: Apache-2.0
#include "length_table.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

namespace rpcload {
namespace {

std::string ErrorOf(const std::string& text) {
  LengthTable table;
  std::string error;
  return LengthTable::Parse(text, 1000, &table, &error) ? "" : error;
}

TEST(LengthTable, DrawsByWeight) {
  LengthTable table;
  std::string error;
  ASSERT_TRUE(LengthTable::Parse("length_bytes,weight\n8,1\n100,2\n5000,1\n", 1000, &table, &error));
  EXPECT_DOUBLE_EQ(table.MeanBytes(), (8 + 200 + 1000) / 4.0);
  EXPECT_EQ(table.Max(), 1000u);
  Random random(1);
  std::map<uint32_t, int> drawn;
  for (int i = 0; i < 40'000; i++) drawn[table.Draw(&random)]++;
  ASSERT_EQ(drawn.size(), 3u);
  EXPECT_NEAR(drawn[8], 10'000, 400);
  EXPECT_NEAR(drawn[100], 20'000, 400);
  EXPECT_NEAR(drawn[1000], 10'000, 400);
}

TEST(LengthTable, SaysWhatIsWrong) {
  EXPECT_EQ(ErrorOf("length_bytes,weight\n8,1\n"), "");
  EXPECT_NE(ErrorOf(""), "");
  EXPECT_NE(ErrorOf("8,1\n"), "");
  EXPECT_NE(ErrorOf("length_bytes,weight\n"), "");
  for (const char* bad : {"8", "8,", "8,0", "8,-1", "-8,1", "8,nan", "8,1x", "", "0,1"})
    EXPECT_NE(ErrorOf(std::string("length_bytes,weight\n") + bad + "\n"), "") << bad;
  EXPECT_NE(ErrorOf("length_bytes,weight\n8,1\n8,1\n").find("line 3"), std::string::npos);
}

TEST(LengthTable, ReadsWhatTheRepositoryShips) {
  // Means in bytes with messages cut at 1 MB.
  const std::map<std::string, double> means = {
      {"w1", 189.173}, {"w2", 433.319}, {"w3", 2423.11}, {"w4", 60175.1}, {"w5", 385315.5}};
  for (const auto& [name, mean] : means) {
    std::ifstream file(WORKLOADS "/" + name + ".csv");
    std::stringstream text;
    text << file.rdbuf();
    LengthTable table;
    std::string error;
    ASSERT_TRUE(LengthTable::Parse(text.str(), 1'000'000, &table, &error)) << name << error;
    EXPECT_NEAR(table.MeanBytes(), mean, mean * 1e-5) << name;
  }
}

}  // namespace
}  // namespace rpcload
