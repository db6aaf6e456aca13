// SPDX-License-Identifier: GPL-2.0-only
/* Which bytes of a message have arrived; see gap.h. */

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "gap.h"

void homa_gaps_init(struct homa_gaps *gaps, u32 length)
{
	gaps->length = length;
	gaps->end = 0;
	gaps->missing = length;
	gaps->count = 0;
}

/* Replaces entries [at, at + old) by the @new_count entries of @new. */
static void replace(struct homa_gaps *gaps, u32 at, u32 old,
		    const struct homa_gap *new, u32 new_count)
{
	struct homa_gap *gap = gaps->gap;

	memmove(gap + at + new_count, gap + at + old,
		(gaps->count - at - old) * sizeof(*gap));
	memcpy(gap + at, new, new_count * sizeof(*gap));
	gaps->count = gaps->count - old + new_count;
}

/* Takes [start, end) out of the holes. */
static int fill(struct homa_gaps *gaps, u32 start, u32 end)
{
	struct homa_gap rest[2];
	u32 first = 0, past, rests = 0, filled = 0;

	while (first < gaps->count && gaps->gap[first].end <= start)
		first++;
	for (past = first; past < gaps->count && gaps->gap[past].start < end;
	     past++) {
		struct homa_gap *gap = &gaps->gap[past];

		filled += min(gap->end, end) - max(gap->start, start);
		if (gap->start < start)
			rest[rests++] = (struct homa_gap) { gap->start, start };
		if (gap->end > end)
			rest[rests++] = (struct homa_gap) { end, gap->end };
	}
	if (gaps->count - (past - first) + rests > HOMA_MAX_GAPS)
		return -ENOSPC;
	replace(gaps, first, past - first, rest, rests);
	return filled;
}

int homa_gaps_add(struct homa_gaps *gaps, u32 start, u32 end)
{
	int added = 0;

	if (start < gaps->end) {
		added = fill(gaps, start, min(end, gaps->end));
		if (added < 0)
			return added;
	} else if (start > gaps->end) {
		if (gaps->count == HOMA_MAX_GAPS)
			return -ENOSPC;
		gaps->gap[gaps->count++] = (struct homa_gap) { gaps->end, start };
	}
	if (end > gaps->end) {
		added += end - max(start, gaps->end);
		gaps->end = end;
	}
	gaps->missing -= added;
	return added;
}

u32 homa_gaps_bytes(const struct homa_gaps *gaps)
{
	return gaps->missing - (gaps->length - gaps->end);
}

bool homa_gaps_next(const struct homa_gaps *gaps, u32 limit, u32 from,
		    struct homa_gap *out)
{
	u32 i;

	for (i = 0; i < gaps->count && gaps->gap[i].end <= from; i++)
		;
	if (i < gaps->count) {
		*out = gaps->gap[i];
	} else {
		out->start = gaps->end;
		out->end = gaps->length;
	}
	out->start = max(out->start, from);
	out->end = min(out->end, limit);
	return out->start < out->end;
}
