// SPDX-License-Identifier: GPL-2.0-only
/* Arithmetic of receiver-driven scheduling; see grant_order.h. */

#include <linux/minmax.h>
#include "grant_order.h"

static u32 slots_of(const struct homa_grant_slot *slots, u32 count,
		    const void *peer)
{
	u32 held = 0;
	u32 i;

	for (i = 0; i < count; i++)
		held += slots[i].peer == peer;
	return held;
}

int homa_grant_victim(const struct homa_grant_slot *slots, u32 count,
		      const struct homa_grant_slot *newcomer)
{
	u32 own = slots_of(slots, count, newcomer->peer);
	u32 most = 0, i;
	int victim = -1;

	for (i = 0; i < count; i++) {
		u32 held = slots_of(slots, count, slots[i].peer);

		/* The newcomer would be one more of its own peer. */
		if (slots[i].peer == newcomer->peer)
			held++;
		if (held < most)
			continue;
		if (held > most ||
		    homa_grant_before(&slots[victim].rank, &slots[i].rank))
			victim = i;
		most = held;
	}
	if (slots[victim].peer != newcomer->peer && most >= own + 2)
		return victim;
	if (homa_grant_before(&newcomer->rank, &slots[victim].rank))
		return victim;
	return -1;
}

u32 homa_grant_window(u32 fixed, u32 max_incoming, u32 active)
{
	return fixed ? fixed : max_incoming / (active + 1);
}

u32 homa_grant_step(const struct homa_grant_state *state, bool *starved)
{
	u64 limit = min_t(u64, (u64)state->received + state->window,
			  state->length);
	u32 want;

	*starved = false;
	if (limit <= state->granted)
		return 0;
	want = limit - state->granted;
	if (state->room <= 0 || state->others_starved) {
		*starved = true;
		return 0;
	}
	if (state->room < want) {
		*starved = true;
		return state->room;
	}
	return want;
}

u32 homa_grant_level(u32 above, u32 active, u32 max_sched_level)
{
	s64 level = (s64)max_sched_level - above;
	s64 unused = (s64)max_sched_level + 1 - active;

	return max_t(s64, level - max_t(s64, unused, 0), 0);
}
