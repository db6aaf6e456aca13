// SPDX-License-Identifier: GPL-2.0-only
// Ranking, windows, levels and victims of receiver-driven scheduling.
extern "C" {
#include "grant_order.h"
}

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace {

const char kPeers[16] = {};

homa_grant_slot slot(int peer, u32 unreceived, u64 birth_ns = 0)
{
	return {{birth_ns, unreceived}, &kPeers[peer]};
}

int victim(const std::vector<homa_grant_slot> &slots, homa_grant_slot newcomer)
{
	return homa_grant_victim(slots.data(), static_cast<u32>(slots.size()), &newcomer);
}

TEST(GrantOrder, ShortestFirstThenOldest)
{
	homa_grant_rank small = {9, 10}, large = {1, 20}, late = {10, 10};

	EXPECT_TRUE(homa_grant_before(&small, &large));
	EXPECT_FALSE(homa_grant_before(&large, &small));
	EXPECT_TRUE(homa_grant_before(&small, &late));
	EXPECT_FALSE(homa_grant_before(&late, &small));
	EXPECT_FALSE(homa_grant_before(&small, &small));
	// Times that differ only above bit 31.
	homa_grant_rank old = {5, 10}, young = {5 + (1ull << 32), 10};
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

TEST(GrantOrder, NewcomerEvictsOnlyWhomItOutranks)
{
	std::vector<homa_grant_slot> slots = {slot(0, 100), slot(1, 300), slot(2, 200)};

	EXPECT_EQ(victim(slots, slot(3, 50)), 1);
	EXPECT_EQ(victim(slots, slot(3, 299)), 1);
	EXPECT_EQ(victim(slots, slot(3, 301)), -1);
	EXPECT_EQ(victim(slots, slot(3, 300, 1)), -1); // a tie, but later
}

TEST(GrantOrder, PeerWithTwoMoreGivesWay)
{
	std::vector<homa_grant_slot> slots = {slot(0, 10), slot(0, 30), slot(1, 500)};

	EXPECT_EQ(victim(slots, slot(2, 1000)), 1); // 2 slots against none
	EXPECT_EQ(victim(slots, slot(1, 1000)), -1); // 2 against 1
	slots.push_back(slot(0, 20));
	EXPECT_EQ(victim(slots, slot(1, 1000)), 1); // 3 against 1
}

TEST(GrantOrder, OwnPeerCountsTheNewcomer)
{
	// Peer 1 would hold two: its own worst message is the candidate.
	std::vector<homa_grant_slot> slots = {slot(0, 900), slot(1, 500), slot(2, 800)};

	EXPECT_EQ(victim(slots, slot(1, 400)), 1);
	EXPECT_EQ(victim(slots, slot(1, 600)), -1);
}

// Messages of random peers ask one after the other: every peer has a slot
// before any keeps two more than another that wants one.
TEST(GrantOrderRandom, SlotsSpreadAndNoBetterMessageIsLeftOut)
{
	std::mt19937 random(3);
	unsigned evictions = 0, refusals = 0;

	for (int round = 0; round < 3000; round++) {
		std::vector<homa_grant_slot> slots;
		u32 capacity = 1 + random() % HOMA_MAX_GRANTED;
		for (int step = 0; step < 60; step++) {
			homa_grant_slot n = slot(random() % 5, 1 + random() % 1000, step);
			if (slots.size() < capacity) {
				slots.push_back(n);
				continue;
			}
			std::map<const void *, int> held;
			for (auto &s : slots)
				held[s.peer]++;
			int most = 0;
			for (auto &[peer, count] : held)
				most = std::max(most, count);
			int own = held.count(n.peer) ? held[n.peer] : 0;
			int i = victim(slots, n);
			if (i < 0) {
				refusals++;
				ASSERT_LT(most, own + 2);
				// Its own peer has none that is worse, if it has any
				// and is the largest.
				for (auto &s : slots) {
					ASSERT_FALSE(own + 1 > most && s.peer == n.peer &&
						     homa_grant_before(&n.rank, &s.rank));
				}
				continue;
			}
			evictions++;
			ASSERT_LT(static_cast<size_t>(i), slots.size());
			// The worst of its peer goes.
			for (auto &s : slots) {
				ASSERT_FALSE(s.peer == slots[i].peer &&
					     homa_grant_before(&slots[i].rank, &s.rank));
			}
			ASSERT_TRUE(most >= own + 2 || homa_grant_before(&n.rank, &slots[i].rank));
			slots[i] = n;
		}
	}
	EXPECT_GT(evictions, 1000u);
	EXPECT_GT(refusals, 1000u);
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
