// SPDX-License-Identifier: Apache-2.0
#include "report/report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <set>
#include <sstream>

#include "report/compare.h"
#include "report/csv.h"
#include "report/json.h"
#include "report/table.h"

namespace hs {
namespace {

// @n RPCs; the slowest tenth owe it to the run queue.
std::vector<RpcTiles> SomeRpcs(std::size_t n, Nanos extra = 0) {
  std::mt19937 random(4);
  std::vector<RpcTiles> rpcs(n);
  for (std::size_t i = 0; i < n; i++) {
    RpcTiles& rpc = rpcs[i];
    rpc.id = 2 * i;
    for (Tile tile : {Tile::send, Tile::wakeup, Tile::network, Tile::unexplained})
      for (Direction d : {Direction::kRequest, Direction::kResponse})
        rpc.ns[Slot(tile, d)] = 100 + static_cast<Nanos>(random() % 7) + extra;
    if (i % 10 == 3) rpc.ns[Slot(Tile::runqueue, Direction::kRequest)] = 5000;
    for (Nanos ns : rpc.ns) rpc.rtt += ns;
    rpc.softirqs = 2;
    rpc.remote_softirqs = i % 2;
    rpc.cpus = 2;
    rpc.cpu_changes = 3;
  }
  return rpcs;
}

Report Make(const std::vector<RpcTiles>& rpcs) {
  Trace trace;
  trace.path = "t.ttd";
  trace.stats.records = 100;
  trace.stats.produced = 103;
  trace.stats.lost["overwritten"] = 3;
  RpcSet set;
  set.seen = rpcs.size() + 2;
  set.excluded["warmup"] = 2;
  return MakeReport(trace, set, rpcs);
}

TEST(Report, EverythingAddsUp) {
  for (std::size_t n : {1, 2, 7, 100, 999}) {
    const Report report = Make(SomeRpcs(n));
    Nanos tiles = 0, causes = 0;
    double shares = 0;
    for (const TileShare& tile : report.tiles) tiles += tile.ns.sum;
    for (const Share& cause : report.causes) {
      causes += cause.ns.sum;
      shares += cause.share;
    }
    EXPECT_EQ(tiles, report.rtt.sum);
    EXPECT_EQ(causes, report.rtt.sum);
    EXPECT_NEAR(shares, 1, 1e-9);
    EXPECT_EQ(report.sum_mismatches, 0u);
    std::uint64_t in_bands = 0;
    for (const Band& band : report.bands) {
      in_bands += band.rpcs;
      double sum = 0;
      for (double mean : band.cause_mean) sum += mean;
      EXPECT_NEAR(sum, band.rtt_mean, 1e-6);
    }
    EXPECT_EQ(in_bands, n);
  }
}

TEST(Report, NoticesTilesThatDoNotAddUp) {
  auto rpcs = SomeRpcs(10);
  rpcs[4].rtt++;
  EXPECT_EQ(Make(rpcs).sum_mismatches, 1u);
  EXPECT_NE(ToText(Make(rpcs)).find("DEFECT"), std::string::npos);
}

TEST(Report, CountsCpus) {
  const Report report = Make(SomeRpcs(10));
  EXPECT_DOUBLE_EQ(report.remote_softirq_share, 0.25);
  EXPECT_DOUBLE_EQ(report.cpus, 2);
  EXPECT_DOUBLE_EQ(report.cpu_changes, 3);
}

TEST(Report, BandsSayWhatMakesTheSlowOnesSlow) {
  const Report report = Make(SomeRpcs(1000));
  const auto runqueue = static_cast<unsigned>(Cause::runqueue);
  EXPECT_EQ(report.bands.front().cause_mean[runqueue], 0);
  EXPECT_EQ(report.bands.back().cause_mean[runqueue], 5000);
  const std::string text = ToText(report);
  EXPECT_NE(text.find("than the fastest half: runqueue +5.00 us"), std::string::npos) << text;
}

TEST(Report, FirstLineSaysWhatWasLost) {
  Report report = Make(SomeRpcs(3));
  EXPECT_EQ(ToText(report).rfind("no data lost: 100 records; 3 older ones were not kept\n", 0), 0u);
  report.import.lost["nested"] = 2;
  EXPECT_EQ(ToText(report).rfind("DATA LOST: 2 records nested; 100 of 103 records read; 3 older ones", 0), 0u);
}

TEST(Report, DamageIsCountedInBytes) {
  Report report = Make(SomeRpcs(3));
  report.import.lost = {{"damaged bytes", 436}};
  EXPECT_EQ(ToText(report).rfind("DATA LOST: 436 damaged bytes;", 0), 0u) << ToText(report);
}

TEST(Report, NothingToReport) {
  const Report report = Make({});
  EXPECT_EQ(report.rpcs, 0u);
  EXPECT_FALSE(ToText(report).empty());
  EXPECT_EQ(ToJson(report)["rpcs"], 0);
}

TEST(Report, JsonHoldsTheContract) {
  const auto json = ToJson(Make(SomeRpcs(100)));
  for (const char* key : {"version", "transport", "trace", "rpcs", "excluded", "rtt_ns", "tiles",
                          "causes", "bands", "unexplained_share", "sum_mismatches",
                          "remote_softirq_share", "handoff_cpu_changes"})
    EXPECT_TRUE(json.contains(key)) << key;
  for (const char* key : {"p50", "p90", "p99", "min", "max", "mean"})
    EXPECT_TRUE(json["rtt_ns"].contains(key)) << key;
  for (const char* key : {"name", "cause", "side", "direction", "p50_ns", "p99_ns", "mean_ns", "share"})
    EXPECT_TRUE(json["tiles"][0].contains(key)) << key;
  for (const char* key : {"from", "to", "rpcs", "rtt_mean_ns", "causes"})
    EXPECT_TRUE(json["bands"][0].contains(key)) << key;
  EXPECT_EQ(json["causes"].size(), kCauses);
  EXPECT_EQ(json["trace"]["lost"]["overwritten"], 3);
}

TEST(Csv, OneLinePerRpcThatAddsUp) {
  const auto rpcs = SomeRpcs(5);
  std::istringstream text(ToCsv(rpcs));
  std::string line;
  std::getline(text, line);
  EXPECT_EQ(line.rfind("id,start_ns,rtt_ns,req_syscall_entry,", 0), 0u);
  const auto columns = std::count(line.begin(), line.end(), ',');
  for (const RpcTiles& rpc : rpcs) {
    ASSERT_TRUE(std::getline(text, line));
    EXPECT_EQ(std::count(line.begin(), line.end(), ','), columns);
    std::istringstream cells(line);
    std::string cell;
    std::vector<Nanos> values;
    while (std::getline(cells, cell, ',')) values.push_back(std::stoll(cell));
    EXPECT_EQ(values[2], rpc.rtt);
    EXPECT_EQ(std::accumulate(values.begin() + 3, values.end(), Nanos{0}), rpc.rtt);
  }
  EXPECT_FALSE(std::getline(text, line));
}

class CompareFiles : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = ::testing::TempDir() + std::to_string(getpid()) + name;
    std::ofstream(path) << text;
    return path;
  }
};

TEST_F(CompareFiles, DifferencesAddUp) {
  const Report a = Make(SomeRpcs(100)), b = Make(SomeRpcs(333, 50));
  auto arm_a = ReadArm(Write("a.json", ToJson(a).dump()));
  auto arm_b = ReadArm(Write("b.json", ToJson(b).dump()));
  ASSERT_TRUE(arm_a);
  ASSERT_TRUE(arm_b);
  const Comparison comparison = Compare({*arm_a, *arm_b, *arm_a});
  ASSERT_EQ(comparison.differences.size(), 2u);
  const Difference& d = comparison.differences[0];
  EXPECT_NEAR(d.rtt, b.rtt.mean - a.rtt.mean, 1e-9);
  for (const auto* items : {&d.causes, &d.tiles}) {
    double sum = 0;
    for (const auto& item : *items) sum += item.difference();
    EXPECT_NEAR(sum, d.rtt, 1e-6);
  }
  EXPECT_GE(std::abs(d.causes[0].difference()), std::abs(d.causes[1].difference()));
  EXPECT_NEAR(comparison.differences[1].rtt, 0, 1e-9);
  EXPECT_NE(ToText(comparison).find("round trip"), std::string::npos);
  EXPECT_EQ(ToJson(comparison)["differences"][0]["from"], 0);
}

TEST_F(CompareFiles, RefusesOtherFiles) {
  EXPECT_FALSE(ReadArm("/nonexistent"));
  EXPECT_FALSE(ReadArm(Write("c.json", "{")));
  EXPECT_FALSE(ReadArm(Write("c.json", "{\"version\": 2}")));
  EXPECT_FALSE(ReadArm(Write("c.json", ToJson(Make({})).dump())));
  auto json = ToJson(Make(SomeRpcs(10)));
  json["tiles"][0]["sum_ns"] = 1;
  EXPECT_FALSE(ReadArm(Write("c.json", json.dump()))) << "does not add up";
}

TEST(Tile, NamesAreUniqueAndExplained) {
  std::set<std::string> names;
  for (unsigned slot = 0; slot < kSlots; slot++) {
    if (slot >= kTiles && Info(SlotTile(slot)).place == Place::server) continue;
    EXPECT_TRUE(names.insert(SlotName(slot)).second) << SlotName(slot);
    EXPECT_FALSE(Info(SlotTile(slot)).meaning.empty());
  }
  EXPECT_EQ(SlotName(Slot(Tile::copy_in, Direction::kResponse)), "resp_copy_in");
  EXPECT_EQ(SlotSide(Slot(Tile::copy_in, Direction::kResponse)), "server");
  EXPECT_EQ(SlotSide(Slot(Tile::wakeup, Direction::kResponse)), "client");
  EXPECT_EQ(SlotName(Slot(Tile::server_app, Direction::kRequest)), "server_app");
}

}  // namespace
}  // namespace hs
