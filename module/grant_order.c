// SPDX-License-Identifier: GPL-2.0-only
/* Arithmetic of receiver-driven scheduling; see grant_order.h. */

#include <linux/minmax.h>
#include "grant_order.h"

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
