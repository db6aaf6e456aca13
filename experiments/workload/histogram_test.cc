// SPDX-License-Identifier: Apache-2.0
#include "histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "random.h"

namespace rpcload {
namespace {

TEST(Histogram, BucketsTileAllValues) {
  size_t last = Histogram::Index(Histogram::kMaxValue);
  EXPECT_EQ(Histogram::Low(0), 0u);
  EXPECT_EQ(Histogram::Low(last + 1), Histogram::kMaxValue + 1);
  for (size_t i = 0; i <= last; i++) {
    uint64_t low = Histogram::Low(i), high = Histogram::Low(i + 1) - 1;
    ASSERT_LE(low, high);
    ASSERT_EQ(Histogram::Index(low), i);
    ASSERT_EQ(Histogram::Index(high), i);
    ASSERT_LE((high - low) * 512, low) << "bucket " << i << " is too wide";
  }
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram h;
  for (uint64_t v = 1; v <= 10; v++) h.Add(v);
  EXPECT_EQ(h.count(), 10u);
  EXPECT_EQ(h.min(), 1u);
  EXPECT_EQ(h.max(), 10u);
  EXPECT_DOUBLE_EQ(h.mean(), 5.5);
  EXPECT_EQ(h.Quantile(0.5), 5u);
  EXPECT_EQ(h.Quantile(0.9), 9u);
  EXPECT_EQ(h.Quantile(0.91), 10u);
  EXPECT_EQ(h.Quantile(1.0), 10u);
  EXPECT_EQ(h.Quantile(1e-9), 1u);
}

TEST(Histogram, EmptyAndClamped) {
  Histogram h;
  EXPECT_EQ(h.Quantile(0.5), 0u);
  EXPECT_EQ(h.min(), 0u);
  EXPECT_TRUE(h.Buckets().empty());
  h.Add(UINT64_MAX);
  EXPECT_EQ(h.max(), Histogram::kMaxValue);
  EXPECT_EQ(h.Quantile(0.5), Histogram::kMaxValue);
}

TEST(Histogram, QuantilesFollowSortedValues) {
  Random random(7);
  std::vector<uint64_t> values;
  Histogram a, b;
  for (int i = 0; i < 10000; i++) {
    uint64_t v = random.Next() >> (24 + random.Below(30));
    values.push_back(v);
    (i % 2 ? a : b).Add(v);
  }
  a.Merge(b);
  std::sort(values.begin(), values.end());
  EXPECT_EQ(a.count(), values.size());
  EXPECT_EQ(a.min(), values.front());
  EXPECT_EQ(a.max(), values.back());
  for (double q : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999}) {
    auto exact = static_cast<double>(values[static_cast<size_t>(std::ceil(q * 10000)) - 1]);
    EXPECT_NEAR(static_cast<double>(a.Quantile(q)), exact, exact / 1024 + 0.5) << q;
  }
  uint64_t sum = 0;
  for (const auto& bucket : a.Buckets()) sum += bucket.count;
  EXPECT_EQ(sum, a.count());
}

}  // namespace
}  // namespace rpcload
