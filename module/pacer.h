/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When packets of long messages may leave the host: shorter ones shall find the
 * link's queue short. Messages that must wait stand in their link's queue.
 */
#ifndef _HOMA_PACER_H
#define _HOMA_PACER_H

#include "link.h"
#include "rpc.h"
#include "strategy.h"

/**
 * struct homa_pacer - a way of holding messages back
 * @strategy: its name.
 * @start: makes the thread for @link; may sleep. Return: it, or an ERR_PTR. May
 *	be NULL. It is stopped when nobody can wake it any more.
 * @stop: the link has another strategy now; may sleep. May be NULL.
 * @wait_ns: time until @link takes another packet, 0: now. Any context, under
 *	rcu_read_lock(). NULL: never holds anything back, and the rest is not used.
 * @wake: see to it that homa_pacer_release() is called in @wait_ns or a bit
 *	later. With link->lock held.
 * @depart: tells a packet that is not short when it shall leave. May be NULL.
 */
struct homa_pacer {
	struct homa_strategy strategy;
	struct task_struct *(*start)(struct homa_link *link);
	void (*stop)(struct homa_link *link);
	u64 (*wait_ns)(const struct homa_link *link, u64 now_ns);
	void (*wake)(struct homa_link *link, u64 wait_ns);
	void (*depart)(struct sk_buff *skb, u64 time_ns);
};

extern const struct homa_strategy_kind homa_pacers;
extern const struct homa_pacer homa_pacer_assist;
extern const struct homa_pacer homa_pacer_bql;
extern const struct homa_pacer homa_pacer_fq;
extern const struct homa_pacer homa_pacer_hrtimer;
extern const struct homa_pacer homa_pacer_kthread;
extern const struct homa_pacer homa_pacer_kthread_rt;
extern const struct homa_pacer homa_pacer_none;
extern const struct homa_pacer homa_pacer_qdisc;

/* Chooses the strategy of @hnet for all its links. Return: 0 or an errno. */
int homa_pacer_set(struct homa_net *hnet, const struct homa_pacer *pacer);

/*
 * Gives @link another strategy, with what waits; NULL: none, and all that waits
 * goes. Under homa_links_lock(). Return: 0 or an errno, and nothing has changed.
 */
int homa_pacer_attach(struct homa_link *link, const struct homa_pacer *pacer);

/* Lets what waits be looked at again. */
void homa_pacer_kick(struct homa_link *link);

/* The longest queue of a link. Where timers are as coarse as ticks, the link would
 * be idle from one packet to the next tick: so much then.
 */
static inline u64 homa_pacer_queue_ns(const struct homa_net *hnet)
{
	return max_t(u64, READ_ONCE(hnet->tun.max_nic_est_backlog_usecs) * NSEC_PER_USEC,
		     hrtimer_resolution);
}

/* The most a packet adds to it; as much may be there before. */
static inline u64 homa_pacer_packet_ns(const struct homa_net *hnet)
{
	return max_t(u64, homa_pacer_queue_ns(hnet) / 2, hrtimer_resolution);
}

/* Time until a queue of @link's that holds @bytes is short enough, as to
 * max_nic_queue_usecs. Nobody tells when it is, so that it is never long.
 */
u64 homa_pacer_excess_ns(const struct homa_link *link, u64 bytes);

/* Time until the estimate of @link's backlog is low enough. */
u64 homa_pacer_estimate(const struct homa_link *link, u64 now_ns);

bool homa_pacer_hold(struct homa_rpc *rpc, int ifindex, bool released);

/* Asked with the RPC locked before each packet of a message. Return: true if it
 * has to wait, and stands in the queue. @released: it was the first of that.
 */
static inline bool homa_pacer_holds(struct homa_rpc *rpc, int ifindex, bool released)
{
	return READ_ONCE(rpc->hsk->hnet->num_paced) && homa_pacer_hold(rpc, ifindex, released);
}

bool homa_pacer_link_busy(struct homa_net *hnet, int ifindex, u32 length);

/* True if a message of @length bytes, the first of its RPC, may have to wait. */
static inline bool homa_pacer_busy(struct homa_net *hnet, int ifindex, u32 length)
{
	return READ_ONCE(hnet->num_paced) && homa_pacer_link_busy(hnet, ifindex, length);
}

/**
 * homa_pacer_release() - send what need not wait any longer
 * @link: link.
 * @packets: this many at most.
 *
 * No lock of ours held; bottom halves or process context, under rcu_read_lock()
 * or inside the strategy.
 *
 * Return: true if something waits; @wake was called for it.
 */
bool homa_pacer_release(struct homa_link *link, u32 packets);

/* Sends what waits with nobody to release it but passers-by. */
void homa_pacer_help(struct homa_net *hnet);

/* Somebody passes by, without a lock of ours. */
static inline void homa_pacer_passing(struct homa_net *hnet)
{
	if (unlikely(READ_ONCE(hnet->wants_help)))
		homa_pacer_help(hnet);
}

/* The RPC, which is locked, is over. */
void homa_pacer_leave(struct homa_rpc *rpc);

#endif /* _HOMA_PACER_H */
