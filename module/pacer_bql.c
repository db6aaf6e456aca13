// SPDX-License-Identifier: GPL-2.0-only
/*
 * The link is busy while its device and queueing discipline hold more than it
 * sends in max_nic_queue_usecs: what the driver has not reported as sent (byte
 * queue limits) and what waits above it, of all protocols. That is the truth, not an
 * estimate, so traffic of others counts; but it is late, as drivers report in
 * batches. Nobody tells when it changes: a timer looks again. Without reports
 * of the driver the estimate counts as well.
 */

#include <linux/netdevice.h>
#include <net/sch_generic.h>
#include "pacer_timer.h"

#ifdef CONFIG_BQL
static u32 reported(const struct netdev_queue *txq, bool *reports)
{
	u32 queued = READ_ONCE(txq->dql.num_queued);

	*reports |= queued;
	return queued - READ_ONCE(txq->dql.num_completed);
}
#else
static u32 reported(const struct netdev_queue *txq, bool *reports)
{
	return 0;
}
#endif

/* Bytes that @dev and what is above it hold. @reports: the driver tells. */
static u64 held_bytes(struct net_device *dev, bool *reports)
{
	u32 i, packets, bytes;
	u64 sum = 0;

	*reports = false;
	for (i = 0; i < READ_ONCE(dev->real_num_tx_queues); i++) {
		struct netdev_queue *txq = netdev_get_tx_queue(dev, i);
		struct Qdisc *qdisc = rcu_dereference(txq->qdisc);

		sum += reported(txq, reports);
		/* One above all queues is that of each. */
		if (qdisc && (!i || qdisc != rcu_dereference(dev->qdisc))) {
			qdisc_qstats_qlen_backlog(qdisc, &packets, &bytes);
			sum += bytes;
		}
	}
	return sum;
}

static u64 wait_ns(const struct homa_link *link, u64 now_ns)
{
	bool reports;
	u64 wait;

	rcu_read_lock();
	wait = homa_pacer_excess_ns(link, held_bytes(link->dev, &reports));
	rcu_read_unlock();
	return reports ? wait : max(wait, homa_pacer_estimate(link, now_ns));
}

const struct homa_pacer homa_pacer_bql = {
	.strategy.name = "bql",
	.stop = homa_pacer_timer_stop,
	.wait_ns = wait_ns,
	.wake = homa_pacer_timer_wake,
};
