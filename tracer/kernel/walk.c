// SPDX-License-Identifier: GPL-2.0-only
/* Stepping through blocks. They come from this module, so they are well-formed. */
#include "events.h"
#include "walk.h"

void tt_walk_begin(struct tt_walk *walk, const struct tt_block *block)
{
	*walk = (struct tt_walk){
		.block = block,
		.at = sizeof(*block),
		.epoch = block->time_ticks >> 32,
	};
}

bool tt_walk_next(struct tt_walk *walk)
{
	u32 end = sizeof(*walk->block) + TT_COMMIT_BYTES(walk->block->commit);
	const struct tt_record_head *head;

	/* Less than a head is padding. */
	while (walk->at + sizeof(*head) <= end) {
		head = (const void *)walk->block + walk->at;
		switch (head->id) {
		case TT_ID_PAD:
			walk->at += head->time;
			break;
		case TT_ID_EXTEND:
			memcpy(&walk->epoch, head + 1, sizeof(walk->epoch));
			walk->at += TT_EXTEND_BYTES;
			break;
		default:
			walk->record = head;
			walk->event = tt_event_get(head->id);
			walk->ticks = (u64)walk->epoch << 32 | head->time;
			walk->at += tt_record_bytes(walk->event);
			return true;
		}
	}
	return false;
}
