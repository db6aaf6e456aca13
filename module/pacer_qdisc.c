// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets wait in the queueing discipline "homa", which orders those of all
 * sockets and shares the link with other protocols. A timer gives it more of a
 * message while it holds less than the link sends in max_nic_queue_usecs: what
 * it holds counts as sent, and would be sent twice if it were asked for. A
 * device without it is paced as by "hrtimer".
 */

#include "pacer_timer.h"

static struct task_struct *start(struct homa_link *link)
{
	if (READ_ONCE(link->mbps) && !atomic_read(&link->qdiscs))
		net_info_ratelimited("homa: %s is paced as by hrtimer, for it has no queueing discipline homa: tc qdisc replace dev %s root homa\n",
				     link->dev->name, link->dev->name);
	return NULL;
}

static u64 wait_ns(const struct homa_link *link, u64 now_ns)
{
	if (!atomic_read(&link->qdiscs))
		return homa_pacer_estimate(link, now_ns);
	return homa_pacer_excess_ns(link, atomic_read(&link->qdisc_bytes));
}

const struct homa_pacer homa_pacer_qdisc = {
	.strategy.name = "qdisc",
	.start = start,
	.stop = homa_pacer_timer_stop,
	.wait_ns = wait_ns,
	.wake = homa_pacer_timer_wake,
};
