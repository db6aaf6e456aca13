/* SPDX-License-Identifier: GPL-2.0-only */
/* Network devices as links to be paced: their speed, and when they will be idle. */
#ifndef _HOMA_LINK_H
#define _HOMA_LINK_H

#include <linux/hrtimer.h>
#include <linux/skbuff.h>
#include "net.h"
#include "pace_order.h"

struct homa_pacer;
struct task_struct;

/**
 * struct homa_link_clock - when a link will have sent what it was given, as far as we know
 * @idle_ns: that time.
 * @planned_ns: the same if it used no more than max_link_usage percent of its speed.
 * @late_ns: how late it was given more lately: that is due so long before @idle_ns.
 */
struct homa_link_clock {
	atomic64_t idle_ns;
	atomic64_t planned_ns;
	u64 late_ns;
};

/**
 * struct homa_link - a network device of a namespace. Found under RCU in
 * hnet->links; fields without a lock are read as they are
 * @rcu: frees it.
 * @hnet: its namespace.
 * @dev: the device; longer than the link.
 * @device_mbps: speed the device tells, 0: none.
 * @mbps: speed to pace at, 0: the link is not paced.
 * @clock: of all it was given.
 * @wire: of what has left its queueing disciplines "homa".
 * @qdiscs: number of those.
 * @qdisc_bytes: of DATA that wait in them.
 * @lock: protects what follows. Nests in an RPC's lock.
 * @pacer: strategy, NULL: the device goes away.
 * @shortest: RPCs that wait, by homa_pace_before().
 * @oldest: the same, in the order in which they came.
 * @waiting: their number.
 * @credit: see homa_pace_oldest_next().
 * @since_ns: when @waiting was last 0.
 * @timer: for strategies that use it.
 * @due_ns: when @thread shall look again.
 * @thread: for strategies that use it; theirs.
 */
struct homa_link {
	struct rcu_head rcu;
	struct homa_net *hnet;
	struct net_device *dev;
	u32 device_mbps;
	u32 mbps;
	struct homa_link_clock clock;
	struct homa_link_clock wire;
	atomic_t qdiscs;
	atomic_t qdisc_bytes;

	spinlock_t lock;
	const struct homa_pacer *pacer;
	struct rb_root_cached shortest;
	struct list_head oldest;
	u32 waiting;
	s64 credit;
	u64 since_ns;
	struct hrtimer timer;
	u64 due_ns;
	struct task_struct *thread;
};

/* Link of a device of @hnet, if that is paced, or NULL. Under rcu_read_lock(). */
struct homa_link *homa_link_paced(struct homa_net *hnet, int ifindex);

/* Speed of a link in Mbit/s; of one that tells none, an assumption. */
u32 homa_link_mbps(struct homa_net *hnet, int ifindex);

/* The most a packet may have before it is cut: what takes no longer than short
 * ones may wait for. U32_MAX for links that are not paced.
 */
u32 homa_link_packet_bytes(struct homa_net *hnet, int ifindex);

/* When @link may be given more: @early_ns before it is idle, or later where it was
 * used more than planned.
 */
u64 homa_link_due_ns(const struct homa_link *link, const struct homa_link_clock *clock,
		     u64 early_ns);

/* @link was given what should have come at @due_ns. */
void homa_link_given(const struct homa_link *link, struct homa_link_clock *clock, u64 due_ns);

/* @bytes, with all that surrounds them, are about to be sent by @link. Return: when
 * they begin as planned; 0: its speed is unknown.
 */
u64 homa_link_occupy(const struct homa_link *link, struct homa_link_clock *clock, u32 bytes);

/* Writer of link_mbps: the speeds of all links of @hnet change. */
void homa_link_update_all(struct homa_net *hnet);

/* Serializes changes of links and of their strategies; process context. */
void homa_links_lock(void);
void homa_links_unlock(void);

void homa_link_count_packet(struct homa_net *hnet, struct sk_buff *skb, u32 ip_bytes);

/* A packet goes to its device, from the transport header on, with its route. */
static inline void homa_link_charge(struct homa_net *hnet, struct sk_buff *skb, u32 ip_bytes)
{
	if (READ_ONCE(hnet->num_paced))
		homa_link_count_packet(hnet, skb, ip_bytes);
}

void homa_links_net_init(struct homa_net *hnet);
/* The namespace has no devices any more. */
void homa_links_net_exit(struct homa_net *hnet);
int homa_links_init(void);
void homa_links_exit(void);

#endif /* _HOMA_LINK_H */
