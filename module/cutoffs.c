// SPDX-License-Identifier: GPL-2.0-only
/* Levels of unscheduled packets from lengths of messages; see cutoffs.h. */

#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include "cutoffs.h"
#include "wire.h"

void homa_sizes_learn(struct homa_sizes *average, struct homa_sizes *last,
		      const struct homa_sizes *now)
{
	u32 i;

	if (!memcmp(last, now, sizeof(*now)))
		return;
	for (i = 0; i <= HOMA_SIZE_CLASSES; i++)
		average->bytes[i] += now->bytes[i] - last->bytes[i] -
				     average->bytes[i] / HOMA_SIZES_FADE;
	average->large += now->large - last->large - average->large / HOMA_SIZES_FADE;
	*last = *now;
}

/* Bytes of a class that come without grants. */
static u64 unscheduled(const struct homa_sizes *sizes, u32 class, u32 unsched_bytes)
{
	u64 bytes = sizes->bytes[class], count;
	u32 end;

	if (class == HOMA_SIZE_CLASSES) {
		count = sizes->large;
	} else {
		end = homa_size_class_end(class);
		if (end <= unsched_bytes)
			return bytes;
		/* Messages of the class are taken to be as long as its middle. */
		count = div_u64(bytes, class < HOMA_SMALL_CLASSES ? end - HOMA_SMALL_STEP / 2 :
								    end - HOMA_MEDIUM_STEP / 2);
	}
	return min(bytes, count * unsched_bytes);
}

u32 homa_cutoffs_choose(const struct homa_sizes *sizes, u32 unsched_bytes, u32 levels,
			u32 cutoffs[HOMA_MAX_PRIORITIES])
{
	u64 all = 0, rest = 0, on_level = 0, bytes;
	u32 share, class, level, left;

	for (class = 0; class <= HOMA_SIZE_CLASSES; class++) {
		all += sizes->bytes[class];
		rest += unscheduled(sizes, class, unsched_bytes);
	}
	if (!all)
		return 0;
	share = div64_u64(rest * 1000, all);
	left = clamp((levels * share + 500) / 1000, 1u, max(levels - 1, 1u));

	memset(cutoffs, 0, HOMA_MAX_PRIORITIES * sizeof(*cutoffs));
	level = levels - 1;
	for (class = 0; class <= HOMA_SIZE_CLASSES && left > 1; class++) {
		bytes = unscheduled(sizes, class, unsched_bytes);
		/* Full, or nearer to that without this class than with it. */
		if (on_level && (on_level + bytes / 2) * left > rest) {
			cutoffs[level--] = homa_size_class_end(class - 1);
			rest -= on_level;
			on_level = 0;
			left--;
		}
		on_level += bytes;
	}
	cutoffs[level] = HOMA_WIRE_MAX_MESSAGE;
	return max(share, 1u);
}
