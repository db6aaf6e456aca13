// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whoever passes by sends what may go: threads that send, packets that arrive,
 * the tick. It costs no timer and no thread, and a look at a flag for each
 * packet; but when nobody passes the link is idle for up to a tick.
 */

#include "pacer.h"

/* Packets of others that one passer-by sends. */
#define HOMA_ASSIST_PACKETS 4

static void wake(struct homa_link *link, u64 wait_ns)
{
	WRITE_ONCE(link->hnet->wants_help, true);
}

const struct homa_pacer homa_pacer_assist = {
	.strategy.name = "assist",
	.wait_ns = homa_pacer_estimate,
	.wake = wake,
};

void homa_pacer_help(struct homa_net *hnet)
{
	struct homa_link *link;
	unsigned long i;

	/* Set again for what still waits. */
	WRITE_ONCE(hnet->wants_help, false);
	rcu_read_lock();
	xa_for_each(&hnet->links, i, link) {
		if (READ_ONCE(link->pacer) == &homa_pacer_assist && READ_ONCE(link->waiting))
			homa_pacer_release(link, HOMA_ASSIST_PACKETS);
	}
	rcu_read_unlock();
}
