// SPDX-License-Identifier: GPL-2.0-only
// Levels of unscheduled packets for messages of known lengths.
extern "C" {
#include "cutoffs.h"
}

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

constexpr u32 kMost = 1000000;

void Receive(homa_sizes *sizes, u32 length, u64 count)
{
	u32 size_class = homa_size_class(length);

	sizes->bytes[size_class] += length * count;
	if (size_class == HOMA_SIZE_CLASSES)
		sizes->large += count;
}

struct Table {
	u32 share = 0;
	u32 cutoffs[HOMA_MAX_PRIORITIES];

	Table(const homa_sizes &sizes, u32 unsched_bytes, u32 levels)
	{
		std::fill_n(cutoffs, HOMA_MAX_PRIORITIES, 77);
		share = homa_cutoffs_choose(&sizes, unsched_bytes, levels, cutoffs);
	}

	// As senders choose it.
	u32 LevelOf(u32 length) const
	{
		for (u32 level = HOMA_MAX_PRIORITIES - 1; level; level--)
			if (cutoffs[level] >= length)
				return level;
		return 0;
	}

	// The level that takes whatever is longer than the others'.
	u32 Lowest() const { return LevelOf(kMost); }

	std::vector<u32> All() const
	{
		return {cutoffs, cutoffs + HOMA_MAX_PRIORITIES};
	}
};

TEST(SizeClass, EndsOfClasses)
{
	EXPECT_EQ(homa_size_class(1), 0u);
	EXPECT_EQ(homa_size_class(64), 0u);
	EXPECT_EQ(homa_size_class(65), 1u);
	EXPECT_EQ(homa_size_class_end(1), 128u);
	EXPECT_EQ(homa_size_class(4096), 63u);
	EXPECT_EQ(homa_size_class(4097), 64u);
	EXPECT_EQ(homa_size_class_end(64), 5120u);
	EXPECT_EQ(homa_size_class(131072), HOMA_SIZE_CLASSES - 1);
	EXPECT_EQ(homa_size_class_end(HOMA_SIZE_CLASSES - 1), 131072u);
	EXPECT_EQ(homa_size_class(131073), HOMA_SIZE_CLASSES);
	EXPECT_EQ(homa_size_class(kMost), HOMA_SIZE_CLASSES);
	for (u32 length = 1; length <= 131072; length++) {
		u32 size_class = homa_size_class(length);

		ASSERT_LE(length, homa_size_class_end(size_class));
		ASSERT_TRUE(!size_class || length > homa_size_class_end(size_class - 1));
	}
}

TEST(Cutoffs, NothingCameNothingChanges)
{
	Table table({}, 40000, 8);

	EXPECT_EQ(table.share, 0u);
	EXPECT_EQ(table.All(), std::vector<u32>(HOMA_MAX_PRIORITIES, 77));
}

TEST(Cutoffs, OneLengthHasTheTopLevelAndTheRestTheNext)
{
	homa_sizes sizes = {};

	Receive(&sizes, 100, 1000);
	Table table(sizes, 40000, 8);
	EXPECT_EQ(table.share, 1000u);
	EXPECT_EQ(table.All(), (std::vector<u32>{0, 0, 0, 0, 0, 0, kMost, 128}));
}

TEST(Cutoffs, EqualBytesOnEachLevel)
{
	homa_sizes sizes = {};

	for (u32 length : {64, 128, 256, 512, 1024, 2048, 4096})
		Receive(&sizes, length, 4096 / length);
	// Up to what is longer, since nothing came between.
	EXPECT_EQ(Table(sizes, 40000, 8).All(),
		  (std::vector<u32>{0, kMost, 4032, 1984, 960, 448, 192, 64}));
	// Levels that are not in use have nothing, and scheduled packets the lowest.
	Table four(sizes, 40000, 4);
	EXPECT_EQ(four.Lowest(), 1u);
	EXPECT_TRUE(std::all_of(four.cutoffs + 4, four.cutoffs + 8, [](u32 c) { return !c; }));
	EXPECT_EQ(Table(sizes, 40000, 1).All(), (std::vector<u32>{kMost, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Cutoffs, OneLevelWhereNearlyAllIsGranted)
{
	homa_sizes sizes = {};

	Receive(&sizes, kMost, 1000);
	Receive(&sizes, 100, 1000);
	Table table(sizes, 40000, 8);
	EXPECT_EQ(table.share, 40u);
	EXPECT_EQ(table.All(), (std::vector<u32>{0, 0, 0, 0, 0, 0, 0, kMost}));
	EXPECT_EQ(Table(sizes, 0, 8).Lowest(), 7u);
}

TEST(Cutoffs, HugeCountsDoNotOverflow)
{
	homa_sizes sizes = {};

	Receive(&sizes, 60000, 1ull << 30);
	Receive(&sizes, kMost, 1ull << 30);
	Table table(sizes, 40000, 8);
	EXPECT_NEAR(table.share, 1000 * 80000. / 1060000, 1);
}

TEST(Sizes, OldTrafficFadesAndSilenceDoesNot)
{
	homa_sizes average = {}, last = {}, now = {};

	Receive(&now, 100, 8000);
	homa_sizes_learn(&average, &last, &now);
	EXPECT_EQ(average.bytes[1], 800000u);
	for (int i = 0; i < 10; i++)
		homa_sizes_learn(&average, &last, &now);
	EXPECT_EQ(average.bytes[1], 800000u);
	for (int i = 0; i < 100; i++) {
		Receive(&now, kMost, 8);
		homa_sizes_learn(&average, &last, &now);
	}
	EXPECT_LT(average.bytes[1], 10u);
	// What comes in eight intervals, about.
	EXPECT_NEAR(double(average.bytes[HOMA_SIZE_CLASSES]), 64e6, 64e4);
	EXPECT_NEAR(double(average.large), 64, 8);
	EXPECT_EQ(Table(average, 40000, 8).Lowest(), 7u);
}

// The distributions of the Homa papers, cut at the longest message.
struct Workload {
	std::vector<std::pair<u32, double>> entries;

	explicit Workload(const std::string &name)
	{
		std::ifstream file(WORKLOADS "/" + name + ".csv");
		std::string line;
		double length, weight;
		char comma;

		std::getline(file, line);
		while (file >> length >> comma >> weight)
			entries.push_back({std::min<u32>(length, kMost), weight});
	}
};

class Workloads : public testing::TestWithParam<std::tuple<std::string, u32>> {};

TEST_P(Workloads, LevelsAreBalanced)
{
	auto [name, unsched_bytes] = GetParam();
	Workload workload(name);
	double sum = 0, all = 0, unscheduled = 0, on_level[HOMA_MAX_PRIORITIES] = {}, class_most = 0;
	std::vector<double> in_class(HOMA_SIZE_CLASSES + 1);
	homa_sizes sizes = {};

	ASSERT_GT(workload.entries.size(), 10u);
	for (auto [length, weight] : workload.entries)
		sum += weight;
	for (auto [length, weight] : workload.entries)
		Receive(&sizes, length, std::llround(1e9 * weight / sum));
	Table table(sizes, unsched_bytes, 8);

	for (auto [length, weight] : workload.entries) {
		double bytes = std::min(length, unsched_bytes) * weight;

		all += length * weight;
		unscheduled += bytes;
		on_level[table.LevelOf(length)] += bytes;
		in_class[homa_size_class(length)] += bytes;
	}
	for (double bytes : in_class)
		class_most = std::max(class_most, bytes / unscheduled);
	// Known up to the middle of classes longer than what is unscheduled.
	EXPECT_NEAR(table.share, 1000 * unscheduled / all, 3);

	int wanted = std::clamp<int>(std::lround(8 * unscheduled / all), 1, 7);
	EXPECT_EQ(8 - table.Lowest(), unsigned(wanted));
	for (u32 level = table.Lowest(); level < 8; level++) {
		// As equal as whole classes allow.
		EXPECT_NEAR(on_level[level] / unscheduled, 1. / wanted, class_most) << level;
		EXPECT_GT(on_level[level], 0) << level;
		if (level > table.Lowest()) {
			EXPECT_LT(table.cutoffs[level], table.cutoffs[level - 1]);
		}
	}
	RecordProperty("share_permille", int(table.share));
	for (u32 level = 0; level < 8; level++)
		RecordProperty("cutoff" + std::to_string(level), int(table.cutoffs[level]));
}

INSTANTIATE_TEST_SUITE_P(Papers, Workloads,
			 testing::Combine(testing::Values("w1", "w2", "w3", "w4", "w5"),
					  testing::Values(9700u, 40000u)),
			 [](const auto &values) {
				 return std::get<0>(values.param) + "_" +
					std::to_string(std::get<1>(values.param));
			 });

// Where the 2018 paper reports one unscheduled level and where most are.
TEST(Cutoffs, NumbersOfLevels)
{
	const std::pair<const char *, u32> lowest[] = {{"w1", 1}, {"w4", 7}, {"w5", 7}};

	for (auto [name, level] : lowest) {
		homa_sizes sizes = {};

		for (auto [length, weight] : Workload(name).entries)
			Receive(&sizes, length, std::llround(1e9 * weight));
		EXPECT_EQ(Table(sizes, 9700, 8).Lowest(), level) << name;
	}
}

}  // namespace
