/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which bytes of a message have arrived. Pure: no lock, no allocation. The
 * number of holes is bounded, since a peer decides how many it makes; a range
 * that would need one more is refused and comes again by retransmission.
 */
#ifndef _HOMA_GAP_H
#define _HOMA_GAP_H

#include <linux/types.h>

/* One lost packet in ten of the largest grant window is 28 holes. */
#define HOMA_MAX_GAPS 64

/* Bytes start to end-1 are missing. */
struct homa_gap {
	u32 start;
	u32 end;
};

/**
 * struct homa_gaps - received bytes of one message
 * @length: bytes of the message.
 * @end: end of the highest range received; what lies above is not in @gap.
 * @missing: bytes not received, anywhere.
 * @count: entries of @gap.
 * @gap: holes below @end, ascending, apart from each other, none empty.
 */
struct homa_gaps {
	u32 length;
	u32 end;
	u32 missing;
	u32 count;
	struct homa_gap gap[HOMA_MAX_GAPS];
};

void homa_gaps_init(struct homa_gaps *gaps, u32 length);

/**
 * homa_gaps_add() - record received bytes
 * @gaps: message.
 * @start: first byte.
 * @end: behind the last byte; @start < @end <= gaps->length.
 *
 * Any overlap with bytes received before is fine.
 *
 * Return: bytes that are new (0: a duplicate), or -ENOSPC, and nothing
 * changed, if the range would make one hole too many.
 */
int homa_gaps_add(struct homa_gaps *gaps, u32 start, u32 end);

static inline bool homa_gaps_complete(const struct homa_gaps *gaps)
{
	return !gaps->missing;
}

static inline u32 homa_gaps_received(const struct homa_gaps *gaps)
{
	return gaps->length - gaps->missing;
}

/* Bytes in holes below the highest byte received. */
u32 homa_gaps_bytes(const struct homa_gaps *gaps);

/**
 * homa_gaps_next() - walk over the missing ranges below a limit
 * @gaps: message.
 * @limit: e.g. what was granted.
 * @from: first byte to look at; begin with 0, continue with the last @out->end.
 * @out: the range found: the next hole, or what follows the highest byte
 *	received, cut to @from and @limit.
 *
 * Return: false when there is none.
 */
bool homa_gaps_next(const struct homa_gaps *gaps, u32 limit, u32 from,
		    struct homa_gap *out);

#endif /* _HOMA_GAP_H */
