// SPDX-License-Identifier: GPL-2.0-only
// Holes of a message, against a map of its bytes.
extern "C" {
#include "gap.h"
}

#include <algorithm>
#include <cerrno>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace {

using Ranges = std::vector<std::pair<u32, u32>>;

Ranges holes(const homa_gaps &gaps)
{
	Ranges out;

	for (u32 i = 0; i < gaps.count; i++)
		out.emplace_back(gaps.gap[i].start, gaps.gap[i].end);
	return out;
}

Ranges missing_below(const homa_gaps &gaps, u32 limit)
{
	Ranges out;
	homa_gap gap = {0, 0};

	while (homa_gaps_next(&gaps, limit, gap.end, &gap))
		out.emplace_back(gap.start, gap.end);
	return out;
}

TEST(Gap, InOrder)
{
	homa_gaps gaps;

	homa_gaps_init(&gaps, 3000);
	EXPECT_EQ(gaps.missing, 3000u);
	EXPECT_FALSE(homa_gaps_complete(&gaps));
	EXPECT_EQ(homa_gaps_add(&gaps, 0, 1424), 1424);
	EXPECT_EQ(homa_gaps_add(&gaps, 1424, 2848), 1424);
	EXPECT_EQ(gaps.count, 0u);
	EXPECT_EQ(homa_gaps_received(&gaps), 2848u);
	EXPECT_EQ(homa_gaps_add(&gaps, 2848, 3000), 152);
	EXPECT_TRUE(homa_gaps_complete(&gaps));
}

TEST(Gap, OneByteMessage)
{
	homa_gaps gaps;

	homa_gaps_init(&gaps, 1);
	EXPECT_EQ(missing_below(gaps, 1), (Ranges{{0, 1}}));
	EXPECT_EQ(homa_gaps_add(&gaps, 0, 1), 1);
	EXPECT_EQ(homa_gaps_add(&gaps, 0, 1), 0);
	EXPECT_TRUE(homa_gaps_complete(&gaps));
	EXPECT_EQ(missing_below(gaps, 1), Ranges{});
}

TEST(Gap, HoleIsMadeSplitTrimmedAndClosed)
{
	homa_gaps gaps;

	homa_gaps_init(&gaps, 10000);
	EXPECT_EQ(homa_gaps_add(&gaps, 5000, 6000), 1000);
	EXPECT_EQ(holes(gaps), (Ranges{{0, 5000}}));
	EXPECT_EQ(homa_gaps_bytes(&gaps), 5000u);
	EXPECT_EQ(homa_gaps_add(&gaps, 2000, 3000), 1000);
	EXPECT_EQ(holes(gaps), (Ranges{{0, 2000}, {3000, 5000}}));
	EXPECT_EQ(homa_gaps_add(&gaps, 0, 500), 500);
	EXPECT_EQ(homa_gaps_add(&gaps, 4500, 5000), 500);
	EXPECT_EQ(holes(gaps), (Ranges{{500, 2000}, {3000, 4500}}));
	EXPECT_EQ(homa_gaps_add(&gaps, 500, 2000), 1500);
	EXPECT_EQ(holes(gaps), (Ranges{{3000, 4500}}));
	EXPECT_EQ(homa_gaps_bytes(&gaps), 1500u);
}

TEST(Gap, OverlapsCountOnlyNewBytes)
{
	homa_gaps gaps;

	homa_gaps_init(&gaps, 10000);
	homa_gaps_add(&gaps, 1000, 2000);
	homa_gaps_add(&gaps, 3000, 4000);
	EXPECT_EQ(homa_gaps_add(&gaps, 1000, 2000), 0);
	EXPECT_EQ(homa_gaps_add(&gaps, 1500, 3500), 1000); // across a whole hole
	EXPECT_EQ(homa_gaps_add(&gaps, 500, 5000), 1500); // beyond both ends
	EXPECT_EQ(holes(gaps), (Ranges{{0, 500}}));
	EXPECT_EQ(gaps.end, 5000u);
	EXPECT_EQ(homa_gaps_add(&gaps, 0, 10000), 5500);
	EXPECT_TRUE(homa_gaps_complete(&gaps));
}

TEST(Gap, MissingIsCutToTheLimit)
{
	homa_gaps gaps;

	homa_gaps_init(&gaps, 10000);
	EXPECT_EQ(missing_below(gaps, 4000), (Ranges{{0, 4000}}));
	homa_gaps_add(&gaps, 1000, 2000);
	homa_gaps_add(&gaps, 3000, 4000);
	EXPECT_EQ(missing_below(gaps, 10000), (Ranges{{0, 1000}, {2000, 3000}, {4000, 10000}}));
	EXPECT_EQ(missing_below(gaps, 20000), (Ranges{{0, 1000}, {2000, 3000}, {4000, 10000}}));
	EXPECT_EQ(missing_below(gaps, 4000), (Ranges{{0, 1000}, {2000, 3000}}));
	EXPECT_EQ(missing_below(gaps, 2500), (Ranges{{0, 1000}, {2000, 2500}}));
	EXPECT_EQ(missing_below(gaps, 2000), (Ranges{{0, 1000}}));
	EXPECT_EQ(missing_below(gaps, 0), Ranges{});
}

TEST(Gap, TooManyHolesAreRefusedAndNothingChanges)
{
	homa_gaps gaps;

	homa_gaps_init(&gaps, 1000000);
	for (u32 i = 0; i < HOMA_MAX_GAPS; i++)
		ASSERT_EQ(homa_gaps_add(&gaps, 200 * i + 100, 200 * i + 200), 100);
	Ranges before = holes(gaps);
	u32 missing = gaps.missing;
	EXPECT_EQ(homa_gaps_add(&gaps, 500000, 500100), -ENOSPC); // one more at the end
	EXPECT_EQ(homa_gaps_add(&gaps, 30, 40), -ENOSPC); // one split
	EXPECT_EQ(holes(gaps), before);
	EXPECT_EQ(gaps.missing, missing);

	EXPECT_EQ(homa_gaps_add(&gaps, 0, 50), 50); // trims
	EXPECT_EQ(homa_gaps_add(&gaps, gaps.end, gaps.end + 100), 100); // extends
	EXPECT_EQ(homa_gaps_add(&gaps, 50, 100), 50); // closes one
	EXPECT_EQ(homa_gaps_add(&gaps, 500000, 500100), 100); // now there is space
}

// Packets of a message in random order, with loss, duplicates and two packet
// sizes, against one flag per byte.
TEST(GapRandom, AgreesWithAByteMap)
{
	std::mt19937 random(7);
	unsigned refused = 0, completed = 0;

	for (int round = 0; round < 400; round++) {
		u32 length = 1 + random() % 6000;
		bool fine = round % 3 == 0; // small pieces overflow the store
		std::vector<char> have(length); // one flag a byte
		homa_gaps gaps;

		homa_gaps_init(&gaps, length);
		for (int step = 0; step < 400 && !homa_gaps_complete(&gaps); step++) {
			u32 size = fine ? 1 + random() % 20 : 1 + random() % 1000;
			u32 start = random() % length;
			u32 end = std::min(length, start + size);
			auto first = have.begin() + start, last = have.begin() + end;
			int fresh = static_cast<int>(std::count(first, last, 0));
			int added = homa_gaps_add(&gaps, start, end);

			if (added == -ENOSPC) {
				refused++;
				ASSERT_GE(gaps.count, u32{HOMA_MAX_GAPS});
			} else {
				ASSERT_EQ(added, fresh);
				std::fill(first, last, 1);
			}
			if (step % 8)
				continue;
			ASSERT_EQ(gaps.missing, std::count(have.begin(), have.end(), 0));
			u32 limit = random() % (length + 1);
			Ranges want;
			for (u32 i = 0; i < limit; i++) {
				if (have[i])
					continue;
				if (!want.empty() && want.back().second == i)
					want.back().second++;
				else
					want.emplace_back(i, i + 1);
			}
			ASSERT_EQ(missing_below(gaps, limit), want);
			u32 in_holes = 0;
			for (auto [from, to] : holes(gaps))
				in_holes += to - from;
			ASSERT_EQ(homa_gaps_bytes(&gaps), in_holes);
		}
		// Retransmission of what is missing always ends the message.
		homa_gap gap = {0, 0};
		while (homa_gaps_next(&gaps, length, 0, &gap))
			ASSERT_GT(homa_gaps_add(&gaps, gap.start, gap.end), 0);
		ASSERT_TRUE(homa_gaps_complete(&gaps));
		ASSERT_EQ(gaps.count, 0u);
		completed++;
	}
	EXPECT_GT(refused, 100u);
	EXPECT_EQ(completed, 400u);
}

} // namespace
