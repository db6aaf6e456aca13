/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arithmetic of receiver-driven scheduling: who comes first, how far it may
 * send, at what level. Pure: no lock, no time, no list.
 */
#ifndef _HOMA_GRANT_ORDER_H
#define _HOMA_GRANT_ORDER_H

#include <linux/types.h>

/* Messages granted concurrently, at most. */
#define HOMA_MAX_GRANTED 8

/* Place of a message among those that want grants. */
struct homa_grant_rank {
	u64 birth_ns; /* arrival of its first packet */
	u32 unreceived; /* bytes of it not received yet */
	u64 turn; /* when it joined or last had its turn, counted */
};

/*
 * Shortest remaining message first, ties to the earlier arrival. Unreceived
 * and not ungranted bytes: counting granted bytes as done lets a message that
 * got a large grant overtake one that is nearer to its end.
 */
static inline bool homa_grant_before(const struct homa_grant_rank *a,
				     const struct homa_grant_rank *b)
{
	if (a->unreceived != b->unreceived)
		return a->unreceived < b->unreceived;
	return a->birth_ns < b->birth_ns;
}

/**
 * homa_grant_window() - bytes one message may have outstanding
 * @fixed: configured window, 0: divide the budget.
 * @max_incoming: budget for all messages, bytes.
 * @active: messages being granted, at least 1.
 */
u32 homa_grant_window(u32 fixed, u32 max_incoming, u32 active);

/**
 * struct homa_grant_state - a message and the budget, before a grant
 * @length: bytes of the message.
 * @received: bytes of it that arrived.
 * @granted: limit its sender has, bytes.
 * @window: from homa_grant_window().
 * @room: budget left for all messages, bytes; may be negative.
 * @others_starved: other messages wait for room and come first.
 */
struct homa_grant_state {
	u32 length;
	u32 received;
	u32 granted;
	u32 window;
	s64 room;
	bool others_starved;
};

/**
 * homa_grant_step() - how much to grant now
 * @state: message and budget.
 * @starved: set when it wants more than it gets.
 *
 * Return: bytes to add to the granted limit, 0: send no GRANT.
 */
u32 homa_grant_step(const struct homa_grant_state *state, bool *starved);

/**
 * homa_grant_level() - priority of a GRANT
 * @above: active messages ranked above this one.
 * @active: active messages, at least 1.
 * @max_sched_level: highest level for scheduled packets.
 *
 * The lowest levels are used, so that a shorter message that comes later finds
 * a higher one free: a lone message is granted at level 0.
 */
u32 homa_grant_level(u32 above, u32 active, u32 max_sched_level);

#endif /* _HOMA_GRANT_ORDER_H */
