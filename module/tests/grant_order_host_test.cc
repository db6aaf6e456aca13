// SPDX-License-Identifier: GPL-2.0-only
// Ranking, windows and levels of receiver-driven scheduling.
extern "C" {
#include "grant_order.h"
}

#include <algorithm>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace {

TEST(GrantOrder, ShortestFirstThenOldest)
{
	homa_grant_rank small = {9, 10, 0}, large = {1, 20, 0}, late = {10, 10, 0};

	EXPECT_TRUE(homa_grant_before(&small, &large));
	EXPECT_FALSE(homa_grant_before(&large, &small));
	EXPECT_TRUE(homa_grant_before(&small, &late));
	EXPECT_FALSE(homa_grant_before(&late, &small));
	EXPECT_FALSE(homa_grant_before(&small, &small));
	// Times that differ only above bit 31.
	homa_grant_rank old = {5, 10, 0}, young = {5 + (1ull << 32), 10, 0};
	EXPECT_TRUE(homa_grant_before(&old, &young));
	EXPECT_FALSE(homa_grant_before(&young, &old));
}

TEST(GrantOrder, DynamicWindow)
{
	const u32 want[] = {200000, 133333, 100000, 80000, 66666, 57142, 50000, 44444};

	for (u32 active = 1; active <= 8; active++)
		EXPECT_EQ(homa_grant_window(0, 400000, active), want[active - 1]);
	EXPECT_EQ(homa_grant_window(10000, 400000, 5), 10000u);
}

TEST(GrantOrder, Levels)
{
	EXPECT_EQ(homa_grant_level(0, 1, 3), 0u); // alone
	EXPECT_EQ(homa_grant_level(0, 2, 3), 1u);
	EXPECT_EQ(homa_grant_level(1, 2, 3), 0u);
	EXPECT_EQ(homa_grant_level(0, 4, 3), 3u);
	EXPECT_EQ(homa_grant_level(3, 4, 3), 0u);
	EXPECT_EQ(homa_grant_level(0, 8, 3), 3u); // more messages than levels
	EXPECT_EQ(homa_grant_level(3, 8, 3), 0u);
	EXPECT_EQ(homa_grant_level(7, 8, 3), 0u);
	EXPECT_EQ(homa_grant_level(0, 1, 0), 0u);
	for (u32 max = 0; max < 8; max++)
		for (u32 active = 1; active <= 8; active++)
			for (u32 above = 0; above < active; above++) {
				u32 level = homa_grant_level(above, active, max);
				EXPECT_LE(level, max);
				EXPECT_LE(level, active - 1 - above);
				if (above) {
					EXPECT_LE(level, homa_grant_level(above - 1, active, max));
				}
			}
}

TEST(GrantOrder, Step)
{
	struct {
		homa_grant_state state;
		u32 give;
		bool starved;
	} cases[] = {
		// length received granted window room others
		{{100000, 1424, 40000, 50000, 400000, false}, 11424, false},
		{{100000, 1424, 51424, 50000, 400000, false}, 0, false}, // window full
		{{100000, 1424, 90000, 50000, 400000, false}, 0, false}, // granted beyond it
		{{60000, 50000, 55000, 50000, 400000, false}, 5000, false}, // end of message
		{{60000, 50000, 60000, 50000, 400000, false}, 0, false}, // all granted
		{{100000, 1424, 40000, 50000, 10000, false}, 10000, true}, // little room
		{{100000, 1424, 40000, 50000, 11424, false}, 11424, false}, // just enough
		{{100000, 1424, 40000, 50000, 0, false}, 0, true},
		{{100000, 1424, 40000, 50000, -5000, false}, 0, true}, // budget overdrawn
		{{100000, 1424, 40000, 50000, 400000, true}, 0, true}, // others come first
		{{100000, 1424, 90000, 50000, 0, true}, 0, false}, // wants nothing
		{{1000000, 900000, 950000, 0xffffffff, 400000, false}, 50000, false},
	};

	for (auto &c : cases) {
		bool starved = !c.starved;
		EXPECT_EQ(homa_grant_step(&c.state, &starved), c.give);
		EXPECT_EQ(starved, c.starved);
	}
}

// A whole transfer driven by the arithmetic alone: the budget is never
// exceeded, every message ends, and nobody is granted beyond its length.
TEST(GrantOrderRandom, TransferKeepsTheBudget)
{
	struct Message {
		u32 length, received, granted;
	};
	std::mt19937 random(5);

	for (int round = 0; round < 200; round++) {
		std::vector<Message> messages;
		const s64 budget = 400000;
		s64 outstanding = 0;
		for (u32 i = 0; i < 8; i++) {
			u32 length = 40001 + random() % 960000;
			messages.push_back({length, 0, 40000});
			outstanding += 40000;
		}
		unsigned done = 0;
		for (int step = 0; done < messages.size(); step++) {
			ASSERT_LT(step, 100000);
			Message &m = messages[random() % messages.size()];
			if (m.received == m.length)
				continue;
			u32 arrived = std::min<u32>(1424, m.granted - m.received);
			m.received += arrived;
			outstanding -= arrived;
			if (m.received == m.length) {
				done++;
				continue;
			}
			u32 active = static_cast<u32>(messages.size()) - done;
			homa_grant_state state = {m.length, m.received, m.granted,
						  homa_grant_window(0, budget, active),
						  budget - outstanding, false};
			bool starved;
			u32 give = homa_grant_step(&state, &starved);
			m.granted += give;
			outstanding += give;
			ASSERT_LE(m.granted, m.length);
			ASSERT_LE(outstanding, budget);
		}
		ASSERT_EQ(outstanding, 0);
	}
}

} // namespace
