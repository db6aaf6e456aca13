// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "stats/histogram.h"
#include "stats/summary.h"

namespace hs {
namespace {

TEST(Summary, NearestRank) {
  std::vector<Nanos> values;
  for (Nanos v = 100; v >= 1; v--) values.push_back(v);
  const Summary s = Summarise(values);
  EXPECT_EQ(s.n, 100u);
  EXPECT_EQ(s.p50, 50);
  EXPECT_EQ(s.p90, 90);
  EXPECT_EQ(s.p99, 99);
  EXPECT_EQ(s.min, 1);
  EXPECT_EQ(s.max, 100);
  EXPECT_EQ(s.sum, 5050);
  EXPECT_DOUBLE_EQ(s.mean, 50.5);
}

TEST(Summary, FewValues) {
  EXPECT_EQ(Summarise({}).n, 0u);
  EXPECT_EQ(Summarise({7}).p50, 7);
  EXPECT_EQ(Summarise({7}).p99, 7);
  EXPECT_EQ(Summarise({1, 2}).p50, 1);
  EXPECT_EQ(Summarise({1, 2}).p99, 2);
}

TEST(Histogram, BucketsCoverEveryValueOnce) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; i++) {
    const auto value = static_cast<Nanos>(random() >> (2 + random() % 61));
    Histogram h;
    h.Add(value);
    ASSERT_EQ(h.Buckets().size(), 1u);
    const Histogram::Bucket bucket = h.Buckets()[0];
    ASSERT_LE(bucket.low, value);
    ASSERT_GT(bucket.high, value);
    ASSERT_LE((bucket.high - bucket.low) * 32, std::max<Nanos>(bucket.low, 32));
    ASSERT_EQ(h.Percentile(0.5), bucket.low);
  }
}

TEST(Histogram, BucketsMeet) {
  Histogram h;
  for (Nanos v = 0; v < 100000; v++) h.Add(v);
  Nanos end = 0;
  for (const auto& bucket : h.Buckets()) {
    EXPECT_EQ(bucket.low, end);
    end = bucket.high;
  }
  EXPECT_EQ(h.total(), 100000u);
}

TEST(Histogram, MergeIsAddingAll) {
  std::mt19937_64 random(2);
  Histogram a, b, both;
  for (int i = 0; i < 5000; i++) {
    const auto value = static_cast<Nanos>(random() % (i % 2 ? 1000 : 10000000));
    (i % 2 ? a : b).Add(value);
    both.Add(value);
  }
  a.Merge(b);
  EXPECT_EQ(a.total(), both.total());
  const auto x = a.Buckets(), y = both.Buckets();
  ASSERT_EQ(x.size(), y.size());
  for (std::size_t i = 0; i < x.size(); i++) EXPECT_EQ(x[i].count, y[i].count);
}

TEST(Histogram, PercentileIsThatOfTheValues) {
  std::mt19937_64 random(3);
  std::vector<Nanos> values;
  Histogram h;
  for (int i = 0; i < 9999; i++) {
    values.push_back(static_cast<Nanos>(random() % 1000000));
    h.Add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (double p : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const Nanos exact = Percentile(values, p);
    EXPECT_LE(h.Percentile(p), exact);
    EXPECT_GE(h.Percentile(p) * 33, exact * 32 - 33);
  }
}

TEST(Histogram, NegativeCountsAsZero) {
  Histogram h;
  h.Add(-5);
  ASSERT_EQ(h.Buckets().size(), 1u);
  EXPECT_EQ(h.Buckets()[0].low, 0);
  EXPECT_EQ(Histogram().Percentile(0.5), 0);
}

}  // namespace
}  // namespace hs
