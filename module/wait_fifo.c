// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: waiter_order = fifo
 *
 * The thread that has waited longest: all share the work. Each message finds
 * cold caches and a thread that sleeps, of which lifo would wake but few. Right
 * where threads hold something each, or to measure what the order costs.
 */

#include "wait_strategy.h"

static struct homa_waiter *fifo_pick(const struct homa_sock *hsk)
{
	return list_last_entry(&hsk->waiters, struct homa_waiter, link);
}

const struct homa_waiter_order homa_wait_fifo = {
	.strategy.name = "fifo",
	.pick = fifo_pick,
};
