/* SPDX-License-Identifier: GPL-2.0-only */
/* Stepping through the entries of a copied block. */
#ifndef TIMETRACE_WALK_H
#define TIMETRACE_WALK_H

#include <timetrace/record.h>

/**
 * struct tt_walk - where a walk through a block is
 * @block: the block, with the bytes to walk in its commit word.
 * @at: offset of the next entry in the block.
 * @epoch: upper half of the time there.
 * @event: of the record found.
 * @record: its first byte.
 * @ticks: its time.
 */
struct tt_walk {
	const struct tt_block *block;
	u32 at;
	u32 epoch;
	const struct tt_event *event;
	const struct tt_record_head *record;
	u64 ticks;
};

void tt_walk_begin(struct tt_walk *walk, const struct tt_block *block);

/* Finds the next record; false at the end of the block. */
bool tt_walk_next(struct tt_walk *walk);

#endif /* TIMETRACE_WALK_H */
