// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages that wait for their link, and the way from one strategy to another.
 *
 * A message of which more than defer_min_bytes are left is held back while the
 * link has a backlog, or while others wait. It stands in the queue of its link,
 * without a reference: ending it takes it out. A strategy releases the first,
 * which sends until it is held back again.
 */

#include <linux/kthread.h>
#include <linux/rbtree.h>
#include "delay.h"
#include "outgoing.h"
#include "pacer.h"
#include "tracing.h"

static const struct homa_strategy *const pacers[] = {
	&homa_pacer_hrtimer.strategy,
	&homa_pacer_none.strategy,
	&homa_pacer_assist.strategy,
	&homa_pacer_kthread.strategy,
	&homa_pacer_kthread_rt.strategy,
	&homa_pacer_bql.strategy,
	&homa_pacer_fq.strategy,
	&homa_pacer_qdisc.strategy,
};

const struct homa_strategy_kind homa_pacers = { pacers, ARRAY_SIZE(pacers) };

/* Leaves the order to the queues below. */
const struct homa_pacer homa_pacer_none = {
	.strategy.name = "none",
};

u64 homa_pacer_estimate(const struct homa_link *link, u64 now_ns)
{
	u64 due_ns = homa_link_due_ns(link, &link->clock, READ_ONCE(link->clock.late_ns));

	return due_ns > now_ns ? due_ns - now_ns : 0;
}

/* Bounds of the time to the next look at a queue. */
#define HOMA_LOOK_LEAST_NS 1000
#define HOMA_LOOK_MOST_NS 1000000

u64 homa_pacer_excess_ns(const struct homa_link *link, u64 bytes)
{
	u64 limit_ns = max_t(u64, READ_ONCE(link->hnet->tun.max_nic_queue_usecs) * NSEC_PER_USEC,
			     hrtimer_resolution);
	u32 mbps = READ_ONCE(link->mbps);
	u64 limit = homa_pace_bytes(limit_ns, mbps);

	if (bytes <= limit || !mbps)
		return 0;
	return clamp_t(u64, homa_pace_ns(min_t(u64, bytes - limit, U32_MAX), mbps, 100),
		       HOMA_LOOK_LEAST_NS, HOMA_LOOK_MOST_NS);
}

/* The strategy holds packets of this link back. */
static bool holds_back(const struct homa_link *link, const struct homa_pacer *pacer)
{
	return pacer && pacer->wait_ns && READ_ONCE(link->mbps);
}

static bool before(struct rb_node *a, const struct rb_node *b)
{
	return homa_pace_before(&rb_entry(a, struct homa_rpc, pace.node)->pace.rank,
				&rb_entry(b, struct homa_rpc, pace.node)->pace.rank);
}

static void join(struct homa_link *link, struct homa_rpc *rpc, u64 now_ns, u64 wait_ns)
{
	struct homa_rpc_pace *pace = &rpc->pace;
	struct homa_rpc *after;

	lockdep_assert_held(&link->lock);
	if (!pace->rank.birth_ns)
		pace->rank.birth_ns = now_ns;
	pace->rank.left = rpc->tx.length - rpc->tx.sent;
	rb_add_cached(&pace->node, &link->shortest, before);
	/* Most are younger than all others, or come back to where they were. */
	list_for_each_entry(after, &link->oldest, pace.age_link) {
		if (after->pace.rank.birth_ns > pace->rank.birth_ns)
			break;
	}
	list_add_tail(&pace->age_link, &after->pace.age_link);
	WRITE_ONCE(pace->link, link);
	if (!link->waiting)
		WRITE_ONCE(link->since_ns, now_ns);
	WRITE_ONCE(link->waiting, link->waiting + 1);
	homa_metric_inc(link->hnet, pacer_deferrals);
	homa_trace_pacer_defer(rpc->id, rpc->tx.sent, min_t(u64, wait_ns, U32_MAX));
	if (link->waiting == 1)
		link->pacer->wake(link, wait_ns);
}

static void unlink(struct homa_link *link, struct homa_rpc *rpc)
{
	lockdep_assert_held(&link->lock);
	rb_erase_cached(&rpc->pace.node, &link->shortest);
	list_del(&rpc->pace.age_link);
	WRITE_ONCE(rpc->pace.link, NULL);
	WRITE_ONCE(link->waiting, link->waiting - 1);
	if (!link->waiting) {
		link->credit = 0;
		homa_metric_add(link->hnet, nic_backlog_cycles, ktime_get_ns() - link->since_ns);
	}
}

/**
 * homa_pacer_hold() - hold an RPC back if its link is busy
 * @rpc: locked RPC with something to send.
 * @ifindex: its device.
 * @released: it was the first in the queue.
 *
 * Return: true if it stands in the queue now.
 */
bool homa_pacer_hold(struct homa_rpc *rpc, int ifindex, bool released)
{
	struct homa_net *hnet = rpc->hsk->hnet;
	u64 now_ns, wait_ns;
	struct homa_link *link;
	bool held = false;

	homa_rpc_assert_locked(rpc);
	if (rpc->tx.length - rpc->tx.sent <= (u32)READ_ONCE(hnet->tun.defer_min_bytes))
		return false;
	rcu_read_lock();
	link = homa_link_paced(hnet, ifindex);
	if (!link)
		goto out;
	now_ns = ktime_get_ns();
	spin_lock(&link->lock);
	if (holds_back(link, link->pacer)) {
		wait_ns = link->pacer->wait_ns(link, now_ns);
		held = rpc->pace.link;
		if (!held && (wait_ns || (link->waiting && !released))) {
			join(link, rpc, now_ns, wait_ns);
			held = true;
		}
	}
	spin_unlock(&link->lock);
out:
	rcu_read_unlock();
	return held;
}

bool homa_pacer_link_busy(struct homa_net *hnet, int ifindex, u32 length)
{
	const struct homa_pacer *pacer;
	struct homa_link *link;
	bool busy = false;

	if (length <= (u32)READ_ONCE(hnet->tun.defer_min_bytes))
		return false;
	rcu_read_lock();
	link = homa_link_paced(hnet, ifindex);
	if (link) {
		pacer = READ_ONCE(link->pacer);
		busy = holds_back(link, pacer) &&
		       (READ_ONCE(link->waiting) || pacer->wait_ns(link, ktime_get_ns()));
	}
	rcu_read_unlock();
	return busy;
}

/* The RPC whose turn it is, taken out, with a reference. */
static struct homa_rpc *take(struct homa_link *link, u64 now_ns)
{
	u64 could_ns = max(homa_link_due_ns(link, &link->clock, 0), link->since_ns);
	u32 fraction = READ_ONCE(link->hnet->tun.pacer_fifo_fraction);
	bool oldest = homa_pace_oldest_next(link->credit, fraction);
	struct homa_rpc *rpc;
	u32 bytes;

	lockdep_assert_held(&link->lock);
	if (oldest)
		rpc = list_first_entry(&link->oldest, struct homa_rpc, pace.age_link);
	else
		rpc = rb_entry(rb_first_cached(&link->shortest), struct homa_rpc, pace.node);
	bytes = min(rpc->pace.rank.left, homa_pace_bytes(homa_pacer_packet_ns(link->hnet),
							 READ_ONCE(link->mbps)));
	link->credit = homa_pace_credit(link->credit, bytes, oldest, fraction);
	if (oldest)
		homa_metric_add(link->hnet, pacer_fifo_bytes, bytes);
	if (now_ns > could_ns)
		homa_metric_add(link->hnet, pacer_idle_ns, now_ns - could_ns);
	homa_rpc_hold(rpc);
	unlink(link, rpc);
	return rpc;
}

/* Sends what a taken RPC may send, and lets the reference go. */
static void send(struct homa_rpc *rpc)
{
	homa_delay(HOMA_DELAY_pacer, rpc->id);
	homa_rpc_lock(rpc);
	if (rpc->state == HOMA_RPC_OUTGOING) {
		homa_metric_inc(rpc->hsk->hnet, pacer_releases);
		homa_trace_pacer_release(rpc->id, rpc->tx.sent);
		homa_xmit_released(rpc);
	}
	homa_rpc_unlock(rpc);
	homa_rpc_put(rpc);
}

bool homa_pacer_release(struct homa_link *link, u32 packets)
{
	const struct homa_pacer *pacer;
	u64 now_ns, wait_ns, due_ns;
	struct homa_rpc *rpc;
	bool waits;

	spin_lock_bh(&link->lock);
	while (link->waiting) {
		pacer = link->pacer;
		now_ns = ktime_get_ns();
		wait_ns = holds_back(link, pacer) ? pacer->wait_ns(link, now_ns) : 0;
		if (wait_ns || !packets--) {
			if (pacer && pacer->wake)
				pacer->wake(link, wait_ns);
			break;
		}
		due_ns = max(homa_link_due_ns(link, &link->clock, link->clock.late_ns),
			     link->since_ns);
		rpc = take(link, now_ns);
		spin_unlock_bh(&link->lock);
		send(rpc);
		spin_lock_bh(&link->lock);
		homa_link_given(link, &link->clock, due_ns);
	}
	waits = link->waiting;
	spin_unlock_bh(&link->lock);
	return waits;
}

void homa_pacer_leave(struct homa_rpc *rpc)
{
	struct homa_link *link;

	homa_rpc_assert_locked(rpc);
	rcu_read_lock();
	link = READ_ONCE(rpc->pace.link);
	if (link) {
		spin_lock(&link->lock);
		if (rpc->pace.link)
			unlink(link, rpc);
		spin_unlock(&link->lock);
	}
	rcu_read_unlock();
}

void homa_pacer_kick(struct homa_link *link)
{
	spin_lock_bh(&link->lock);
	if (link->waiting && link->pacer && link->pacer->wake)
		link->pacer->wake(link, 0);
	spin_unlock_bh(&link->lock);
}

/* Nothing is held back any more. */
static void release_all(struct homa_link *link)
{
	struct homa_rpc *rpc;

	spin_lock_bh(&link->lock);
	while (link->waiting && !holds_back(link, link->pacer)) {
		rpc = take(link, ktime_get_ns());
		spin_unlock_bh(&link->lock);
		send(rpc);
		cond_resched();
		spin_lock_bh(&link->lock);
	}
	spin_unlock_bh(&link->lock);
}

int homa_pacer_attach(struct homa_link *link, const struct homa_pacer *pacer)
{
	const struct homa_pacer *old = link->pacer;
	struct task_struct *thread = NULL, *old_thread = link->thread;

	if (pacer == old)
		return 0;
	if (pacer && pacer->start)
		thread = pacer->start(link);
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	spin_lock_bh(&link->lock);
	WRITE_ONCE(link->pacer, pacer);
	link->thread = thread;
	spin_unlock_bh(&link->lock);
	if (old && old->stop)
		old->stop(link);
	if (old_thread)
		kthread_stop(old_thread);
	homa_pacer_kick(link);
	release_all(link);
	return 0;
}

int homa_pacer_set(struct homa_net *hnet, const struct homa_pacer *pacer)
{
	const struct homa_pacer *old;
	struct homa_link *link;
	unsigned long i, done;
	int err = 0;

	homa_links_lock();
	old = hnet->pacer;
	xa_for_each(&hnet->links, i, link) {
		err = homa_pacer_attach(link, pacer);
		if (err)
			break;
	}
	if (!err) {
		WRITE_ONCE(hnet->pacer, pacer);
	} else {
		done = i;
		xa_for_each_range(&hnet->links, i, link, 0, done)
			homa_pacer_attach(link, old);
	}
	homa_links_unlock();
	return err;
}
