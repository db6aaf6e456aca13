/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which priority levels unscheduled packets should have, reckoned from the
 * lengths of received messages. Pure: no lock, no time, no setting.
 */
#ifndef _HOMA_CUTOFFS_H
#define _HOMA_CUTOFFS_H

#include "size_class.h"
#include "uapi/homa_wire.h"

/* An older interval with messages weighs 7/8 of the next. */
#define HOMA_SIZES_FADE 8

/**
 * homa_sizes_learn() - note what came since the last time
 * @average: what comes usually; changed unless nothing came.
 * @last: counters of the last time; becomes @now.
 * @now: counters, none lower than in @last.
 */
void homa_sizes_learn(struct homa_sizes *average, struct homa_sizes *last,
		      const struct homa_sizes *now);

/**
 * homa_cutoffs_choose() - levels for unscheduled packets
 * @sizes: what comes.
 * @unsched_bytes: of a message, sent without a grant.
 * @levels: in use, 1 to HOMA_MAX_PRIORITIES.
 * @cutoffs: filled with the longest message of each level, 0: none.
 *
 * Unscheduled bytes get their share of the levels, at least one and not all of
 * them; among these, each has about as many of the bytes, shorter messages
 * above longer ones. Lengths nobody has sent are with the longest.
 *
 * Return: share of the unscheduled bytes in permille; 0: nothing came, and
 * @cutoffs is as it was.
 */
u32 homa_cutoffs_choose(const struct homa_sizes *sizes, u32 unsched_bytes, u32 levels,
			u32 cutoffs[HOMA_MAX_PRIORITIES]);

#endif /* _HOMA_CUTOFFS_H */
