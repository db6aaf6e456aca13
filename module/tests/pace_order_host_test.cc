// SPDX-License-Identifier: GPL-2.0-only
// Order, times and shares of messages that wait for a link.
extern "C" {
#include "pace_order.h"
}

#include <algorithm>

#include <gtest/gtest.h>

namespace {

TEST(PaceOrder, ShortestFirstThenOldest)
{
	homa_pace_rank small = {9, 10}, large = {1, 20}, late = {10, 10};

	EXPECT_TRUE(homa_pace_before(&small, &large));
	EXPECT_FALSE(homa_pace_before(&large, &small));
	EXPECT_TRUE(homa_pace_before(&small, &late));
	EXPECT_FALSE(homa_pace_before(&late, &small));
	EXPECT_FALSE(homa_pace_before(&small, &small));
	homa_pace_rank old = {5, 10}, young = {5 + (1ull << 32), 10};
	EXPECT_TRUE(homa_pace_before(&old, &young));
	EXPECT_FALSE(homa_pace_before(&young, &old));
}

TEST(PaceOrder, Lateness)
{
	EXPECT_EQ(homa_pace_late_ns(0, 0), 0u);
	EXPECT_EQ(homa_pace_late_ns(0, 2000), 2000u);
	EXPECT_EQ(homa_pace_late_ns(2560, 3000), 3000u);
	EXPECT_EQ(homa_pace_late_ns(2560, 1000), 2549u);
	EXPECT_EQ(homa_pace_late_ns(2560, 0), 2549u);
	/* What is forgotten goes to nothing. */
	EXPECT_EQ(homa_pace_late_ns(1, 0), 0u);
	EXPECT_EQ(homa_pace_late_ns(~0ull, 5), ~0ull - (1ull << 56));
}

TEST(PaceOrder, TimesOfPackets)
{
	EXPECT_EQ(homa_pace_ns(1250, 10000, 100), 1000u);
	EXPECT_EQ(homa_pace_ns(1250, 10000, 50), 2000u);
	EXPECT_EQ(homa_pace_ns(1542, 10, 100), 1233600u);
	// The longest packet on the slowest link, and a fast one.
	EXPECT_EQ(homa_pace_ns(100000, 1, 5), 16000000000ull);
	EXPECT_EQ(homa_pace_ns(1542, 800000, 99), 15u);
}

TEST(PaceOrder, BytesOfTimes)
{
	EXPECT_EQ(homa_pace_bytes(5000, 10000), 6250u);
	EXPECT_EQ(homa_pace_bytes(0, 10000), 0u);
	EXPECT_EQ(homa_pace_bytes(1000000000, 2147483647), ~0u);
}

// Bytes the oldest message gets of all that is sent, in permille.
double OldestShare(u32 fraction, u32 bytes_oldest, u32 bytes_shortest)
{
	u64 sent[2] = {};
	s64 credit = 0;

	for (int turn = 0; turn < 100000; turn++) {
		bool oldest = homa_pace_oldest_next(credit, fraction);
		u32 bytes = oldest ? bytes_oldest : bytes_shortest;

		credit = homa_pace_credit(credit, bytes, oldest, fraction);
		sent[oldest] += bytes;
	}
	return 1000. * double(sent[true]) / double(sent[false] + sent[true]);
}

TEST(PaceOrder, OldestGetsItsShareOfBytes)
{
	for (u32 fraction : {1u, 50u, 200u, 500u}) {
		EXPECT_NEAR(OldestShare(fraction, 1500, 1500), fraction, 1) << fraction;
		EXPECT_NEAR(OldestShare(fraction, 60000, 1500), fraction, 2) << fraction;
		EXPECT_NEAR(OldestShare(fraction, 1500, 60000), fraction, 2) << fraction;
	}
	EXPECT_EQ(OldestShare(0, 1500, 1500), 0);
}

TEST(PaceOrder, ShortestFirstToBegin)
{
	EXPECT_FALSE(homa_pace_oldest_next(0, 50));
	// Whoever has waited is not paid for what a switched-off share owed it.
	EXPECT_EQ(homa_pace_credit(-1000, 1500, false, 0), 0);
}

TEST(PaceOrder, HomaGetsItsShareBesideOthers)
{
	for (u32 share : {0u, 10u, 50u, 90u, 100u}) {
		for (auto [homa, other] : {std::pair{1500u, 1500u}, {1500u, 65000u}, {65000u, 66u}}) {
			u64 sent[2] = {};
			s64 balance = 0;

			for (int turn = 0; turn < 200000; turn++) {
				bool is_homa = balance >= 0;
				u32 bytes = is_homa ? homa : other;

				balance = homa_pace_balance(balance, bytes, is_homa, share);
				sent[is_homa] += bytes;
			}
			EXPECT_NEAR(100. * double(sent[true]) / double(sent[false] + sent[true]), share, 1);
		}
	}
}

// A long message that shorter ones overtake without end finishes all the same.
TEST(PaceOrder, OldestIsNotStarved)
{
	for (u32 fraction : {0u, 50u}) {
		homa_pace_rank old = {1, 100000}, young = {2, 3000};
		s64 credit = 0;
		int turn = 0;

		for (; turn < 10000 && old.left; turn++) {
			bool oldest = homa_pace_oldest_next(credit, fraction);
			homa_pace_rank &next =
				oldest || homa_pace_before(&old, &young) ? old : young;
			u32 bytes = std::min(next.left, 1500u);

			credit = homa_pace_credit(credit, bytes, oldest, fraction);
			next.left -= bytes;
			if (!young.left)
				young = {u64(turn) + 3, 3000};
		}
		EXPECT_EQ(old.left, fraction ? 0u : 100000u) << fraction;
		if (fraction) {
			// 67 packets, a twentieth of all.
			EXPECT_NEAR(turn, 67 * 20, 60);
		}
	}
}

}  // namespace
