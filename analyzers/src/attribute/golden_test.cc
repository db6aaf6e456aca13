// SPDX-License-Identifier: Apache-2.0
//
// Real traces of a guest, with what was found out about them. A difference
// here is a decision: look at it, then run testdata/regenerate.sh --expected.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "attribute/attribute.h"
#include "attribute/testing.h"
#include "read/rpc_log.h"
#include "read/timetrace.h"
#include "report/csv.h"

namespace hs {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class Golden : public ::testing::TestWithParam<const char*> {};

TEST_P(Golden, TilesAreThoseThatWereFoundBefore) {
  const std::string base = std::string(HS_TESTDATA) + "/" + GetParam();
  auto trace = ReadTimetrace(base + ".ttd");
  ASSERT_TRUE(trace) << trace.error().message;
  std::vector<RpcLog> logs;
  for (const char* side : {".client.rpclog", ".server.rpclog"}) {
    auto log = ReadRpcLog(base + side);
    ASSERT_TRUE(log) << log.error().message;
    logs.push_back(*log);
  }
  const Timeline timeline(*trace);
  auto set = FindRpcs(timeline, logs);
  ASSERT_TRUE(set) << set.error().message;
  const auto rpcs = AttributeAll(timeline, *set);
  EXPECT_EQ(rpcs.size(), 20u);
  EXPECT_EQ(set->excluded, (std::map<std::string, std::uint64_t>{{"warmup", 5}}));
  for (const RpcTiles& rpc : rpcs) {
    EXPECT_EQ(testing::Sum(rpc), rpc.rtt);
    const Nanos unexplained = rpc.ns[Slot(Tile::unexplained, Direction::kRequest)] +
                              rpc.ns[Slot(Tile::unexplained, Direction::kResponse)];
    EXPECT_LE(unexplained * 20, rpc.rtt);
  }
  EXPECT_EQ(ToCsv(rpcs), ReadText(base + ".csv"));
}

INSTANTIATE_TEST_SUITE_P(Transports, Golden, ::testing::Values("homa", "homa2", "tcp"));

TEST(Documentation, ListsEveryTileAndCause) {
  const std::string text = ReadText(std::string(HS_TESTDATA) + "/../../docs/attribution.md");
  std::string tiles, causes;
  for (unsigned t = 0; t < kTiles; t++) {
    const TileInfo& info = Info(static_cast<Tile>(t));
    constexpr const char* kPlaces[] = {"sender", "wire", "receiver", "machine", "server"};
    tiles += "| `" + std::string(info.name) + "` | " + std::string(Info(info.cause).name) + " | " +
             kPlaces[static_cast<unsigned>(info.place)] + " | " + std::string(info.meaning) + " |\n";
  }
  for (unsigned c = 0; c < kCauses; c++) {
    const CauseInfo& info = Info(static_cast<Cause>(c));
    causes += "| `" + std::string(info.name) + "` | " + std::string(info.meaning) + " |\n";
  }
  EXPECT_NE(text.find(tiles), std::string::npos) << "docs/attribution.md should hold:\n" << tiles;
  EXPECT_NE(text.find(causes), std::string::npos) << "docs/attribution.md should hold:\n" << causes;
}

}  // namespace
}  // namespace hs
