// SPDX-License-Identifier: Apache-2.0
#include "attribute/tiler.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace hs {
namespace {

Nanos Of(const Tiler& tiler, Tile tile, Direction direction = Direction::kRequest) {
  return tiler.ns()[Slot(tile, direction)];
}

TEST(Tiler, TilesFollowEachOther) {
  Tiler tiler(100, 200);
  EXPECT_TRUE(tiler.Close(Tile::copy_in, 120));
  EXPECT_TRUE(tiler.Close(Tile::send, 150));
  EXPECT_TRUE(tiler.Close(Tile::copy_in, 155));
  tiler.Finish();
  EXPECT_EQ(Of(tiler, Tile::copy_in), 25);
  EXPECT_EQ(Of(tiler, Tile::send), 30);
  EXPECT_EQ(Of(tiler, Tile::unexplained), 45);
}

TEST(Tiler, MissingMilestoneTakesTheNextTileWithIt) {
  Tiler tiler(0, 100);
  EXPECT_FALSE(tiler.Close(Tile::copy_in, std::nullopt));
  EXPECT_TRUE(tiler.Close(Tile::send, 40));
  EXPECT_TRUE(tiler.Close(Tile::qdisc, 70));
  tiler.Finish();
  EXPECT_EQ(Of(tiler, Tile::unexplained), 40 + 30);
  EXPECT_EQ(Of(tiler, Tile::qdisc), 30);
}

TEST(Tiler, MilestonesThatDoNotFitAreMissing) {
  Tiler tiler(10000, 20000);
  EXPECT_TRUE(tiler.Close(Tile::copy_in, 15000));
  EXPECT_FALSE(tiler.Close(Tile::send, 12000));
  EXPECT_FALSE(tiler.Close(Tile::qdisc, 20001));
  EXPECT_TRUE(tiler.Close(Tile::network, 16000));
  EXPECT_EQ(Of(tiler, Tile::unexplained), 1000);
}

TEST(Tiler, ClocksMayDisagreeALittle) {
  Tiler tiler(10000, 20000);
  EXPECT_TRUE(tiler.Close(Tile::copy_in, 15000));
  EXPECT_TRUE(tiler.Close(Tile::send, 14900));
  EXPECT_TRUE(tiler.Close(Tile::qdisc, 15100));
  EXPECT_EQ(Of(tiler, Tile::send), 0);
  EXPECT_EQ(Of(tiler, Tile::qdisc), 100);
}

TEST(Tiler, SilenceIsTakenFromTheTileItFallsInto) {
  const std::vector<Silence> silences = {{0, 10}, {120, 150}, {170, 190}};
  Tiler tiler(100, 300, silences);
  EXPECT_TRUE(tiler.Close(Tile::resume, 160));
  EXPECT_TRUE(tiler.Close(Tile::copy_out, 180));
  EXPECT_TRUE(tiler.Close(Tile::server_app, 200));
  tiler.Finish();
  EXPECT_EQ(Of(tiler, Tile::resume), 30);
  EXPECT_EQ(Of(tiler, Tile::copy_out), 10);
  EXPECT_EQ(Of(tiler, Tile::server_app), 20) << "an application may compute silently";
  EXPECT_EQ(Of(tiler, Tile::silence), 30 + 10);
  EXPECT_EQ(Of(tiler, Tile::unexplained), 100);
}

TEST(Tiler, DirectionsAreApart) {
  Tiler tiler(0, 100);
  tiler.Begin(Direction::kRequest, 40);
  EXPECT_FALSE(tiler.Close(Tile::send, 41));
  tiler.Finish();
  tiler.Begin(Direction::kResponse, 100);
  EXPECT_TRUE(tiler.Close(Tile::send, 90));
  tiler.Finish();
  EXPECT_EQ(Of(tiler, Tile::unexplained), 40);
  EXPECT_EQ(Of(tiler, Tile::send, Direction::kResponse), 50);
  EXPECT_EQ(Of(tiler, Tile::unexplained, Direction::kResponse), 10);
  EXPECT_EQ(std::accumulate(tiler.ns().begin(), tiler.ns().end(), Nanos{0}), 100);
}

}  // namespace
}  // namespace hs
