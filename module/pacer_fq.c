// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets get the time at which they shall leave, and a queueing discipline
 * that knows such times (fq, etf) holds them until then. So the link stays busy
 * though messages are released, by a timer, up to max_nic_queue_usecs ahead and
 * several packets at once; short messages carry no time and pass them. What was
 * released is not reordered any more. Without such a discipline packets leave
 * at once, and the device holds that much.
 */

#include "compat.h"
#include "pacer_timer.h"

static u64 wait_ns(const struct homa_link *link, u64 now_ns)
{
	u64 until_ns = now_ns + READ_ONCE(link->hnet->tun.max_nic_queue_usecs) * NSEC_PER_USEC;
	u64 planned_ns = atomic64_read(&link->clock.planned_ns);

	return planned_ns > until_ns ? planned_ns - until_ns : 0;
}

const struct homa_pacer homa_pacer_fq = {
	.strategy.name = "fq",
	.stop = homa_pacer_timer_stop,
	.wait_ns = wait_ns,
	.wake = homa_pacer_timer_wake,
	.depart = homa_skb_depart_at,
};
