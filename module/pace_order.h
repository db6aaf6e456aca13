/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arithmetic of sending at the speed of a link: who comes first, how long a
 * packet takes, whose turn it is. Pure: no lock, no time, no list.
 */
#ifndef _HOMA_PACE_ORDER_H
#define _HOMA_PACE_ORDER_H

#include <linux/types.h>

/* Of each packet on an Ethernet besides its IP packet: header without a VLAN tag,
 * checksum, preamble, gap.
 */
#define HOMA_PACE_FRAME_BYTES 38

/* Place of a message among those that wait for a link. */
struct homa_pace_rank {
	u64 birth_ns; /* when it had to wait for the first time */
	u32 left; /* bytes of it not sent */
};

/* Shortest remaining message first, ties to the earlier one. */
static inline bool homa_pace_before(const struct homa_pace_rank *a, const struct homa_pace_rank *b)
{
	if (a->left != b->left)
		return a->left < b->left;
	return a->birth_ns < b->birth_ns;
}

/**
 * homa_pace_ns() - time of a packet on a link
 * @bytes: of the packet with all that surrounds it.
 * @mbps: speed of the link, not 0.
 * @usage: percent of the link to be used, not 0.
 */
u64 homa_pace_ns(u32 bytes, u32 mbps, u32 usage);

/**
 * homa_pace_late_ns() - how late a link may be given more the next time
 * @was_ns: as reckoned so far, 0 to begin.
 * @late_ns: this time.
 *
 * Return: the most that was, of which 1/256 is forgotten each time.
 */
u64 homa_pace_late_ns(u64 was_ns, u64 late_ns);

/* Bytes a link of @mbps sends in @ns, at most ~0u. */
u32 homa_pace_bytes(u64 ns, u32 mbps);

/**
 * homa_pace_oldest_next() - who has the next turn
 * @credit: bytes that shortest messages may send before the oldest one may; 0 to begin.
 * @fraction: permille of the bytes the oldest message shall have.
 *
 * Return: true for the oldest message, false for the shortest.
 */
static inline bool homa_pace_oldest_next(s64 credit, u32 fraction)
{
	return fraction && credit < 0;
}

/* Credit after a turn of @bytes for the oldest message or the shortest one. */
s64 homa_pace_credit(s64 credit, u32 bytes, bool oldest, u32 fraction);

/**
 * homa_pace_balance() - share of Homa among all that waits
 * @balance: Homa's turn if it is not negative; 0 to begin.
 * @bytes: sent in this turn.
 * @homa: it was Homa's.
 * @share: percent of the bytes Homa shall have while others wait.
 *
 * Return: balance after the turn.
 */
static inline s64 homa_pace_balance(s64 balance, u32 bytes, bool homa, u32 share)
{
	return homa ? balance - (s64)bytes * (100 - share) : balance + (s64)bytes * share;
}

#endif /* _HOMA_PACE_ORDER_H */
