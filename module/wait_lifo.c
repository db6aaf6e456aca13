// SPDX-License-Identifier: GPL-2.0-only
/**
 * DOC: waiter_order = lifo
 *
 * The thread that began to wait last: its memory is in the cache, and it may
 * still be spinning. Threads that are not needed sleep on. Costs nothing. Right
 * unless threads must share the work evenly.
 */

#include "wait_strategy.h"

static struct homa_waiter *lifo_pick(const struct homa_sock *hsk)
{
	return list_first_entry(&hsk->waiters, struct homa_waiter, link);
}

const struct homa_waiter_order homa_wait_lifo = {
	.strategy.name = "lifo",
	.pick = lifo_pick,
};
