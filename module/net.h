/* SPDX-License-Identifier: GPL-2.0-only */
/* What Homa keeps per network namespace. */
#ifndef _HOMA_NET_H
#define _HOMA_NET_H

#include <linux/hrtimer.h>
#include <linux/llist.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/netns/generic.h>
#include <net/net_namespace.h>
#include "metrics.h"

struct ctl_table;
struct ctl_table_header;
struct homa_freeze_peers;
struct homa_grant_order;
struct homa_pacer;
struct homa_wait_policy;
struct homa_waiter_order;

/* From one pass of the timer to the next. */
#define HOMA_TICK_NS NSEC_PER_MSEC

/* Settings of a namespace, see sysctl.c for units, defaults and bounds. */
struct homa_tunables {
	int bpage_lease_usecs;
	int busy_usecs;
	int cutoff_interval_msecs;
	int cutoff_version;
	int defer_min_bytes;
	int fifo_grant_increment;
	int grant_fifo_fraction;
	int gro_bypass;
	int homa_share;
	int incast_threshold;
	int incast_unsched_bytes;
	int link_mbps;
	int max_grantable_rpcs;
	int max_gro_skbs;
	int max_gso_size;
	int max_incoming;
	int max_link_usage;
	int max_nic_est_backlog_usecs;
	int max_nic_queue_usecs;
	int max_overcommit;
	int max_sched_prio;
	int max_send_skbs;
	int max_server_rpcs;
	int num_priorities;
	int pacer_fifo_fraction;
	int peer_gc_threshold;
	int peer_idle_secs_max;
	int peer_idle_secs_min;
	int peer_net_max;
	int poll_usecs;
	int priority_map[HOMA_MAX_PRIORITIES];
	int request_ack_ticks;
	int resend_idle_usecs;
	int resend_interval;
	int resend_ticks;
	int timeout_ticks;
	int unsched_bytes;
	int unsched_cutoffs[HOMA_MAX_PRIORITIES];
	int wake_batch;
	int window;
	int wmem_max;
};

/**
 * struct homa_grant_queue - messages that come through one device and need grants
 * @link: entry of hnet->grant_queues.
 * @ifindex: the device, which may be gone already.
 * @joined: messages in it; it goes with the last.
 * @peers: their senders, those with the best message first.
 * @ages: all of them, the oldest first.
 * @turns: turns given so far, see struct homa_grant_rank.
 * @next_oldest_ns: time of the next grant to the oldest.
 * @total_incoming: bytes granted and not received.
 * @arrivals: packets of these messages so far.
 * @arrivals_seen: of these, when homa_grant_owing() last looked.
 */
struct homa_grant_queue {
	struct list_head link;
	int ifindex;
	u32 joined;
	struct rb_root_cached peers;
	struct list_head ages;
	u64 turns;
	u64 next_oldest_ns;
	s64 total_incoming;
	u32 arrivals;
	u32 arrivals_seen;
};

/**
 * struct homa_observed - messages that came, from which levels are chosen
 * @work: chooses; the rest is its own, or of who starts it.
 * @average: what comes usually.
 * @last: counters when it was last looked at.
 * @now: counters.
 */
struct homa_observed {
	struct delayed_work work;
	struct homa_sizes average;
	struct homa_sizes last;
	struct homa_sizes now;
};

/**
 * struct homa_net - state of one namespace
 * @net: the namespace.
 * @metrics: counters.
 * @tun: settings, read without a lock.
 * @observed: protected by homa_levels_lock().
 * @grant_order: strategy; written under @grant_lock.
 * @pacer: strategy; written under homa_links_lock().
 * @steering: strategy.
 * @links: its network devices by ifindex, see link.h.
 * @links_work: asks them for their speeds.
 * @num_paced: those of them that are paced.
 * @wants_help: homa_pacer_help() has something to do.
 * @wait_policy: strategy.
 * @waiter_order: strategy.
 * @freeze_peers: who may send FREEZE, NULL: nobody.
 * @sysctl_table: this namespace's copy, with pointers into @tun.
 * @sysctl_header: its registration.
 * @sock_lock: protects ports, @next_port and @socks.
 * @socks: sockets in the order of their creation.
 * @next_sock_seq: for the next socket.
 * @next_port: first automatic port to try.
 * @peer_lock: protects what follows up to @refused.
 * @peers: peers, those used longest ago somewhere near the head.
 * @num_peers: length of @peers.
 * @refused: hosts that found no place among them since the last tick.
 * @grant_lock: protects what follows up to @idle_ticking and each RPC's
 *	grant entry.
 * @grant_queues: messages that need grants, by device, in the order of
 *	ifindex; the first is @grant_spare.
 * @grant_spare: takes them when there is no memory for another.
 * @num_grants: messages in all of them that can be granted.
 * @idle_ticking: @idle_timer runs.
 * @idle_timer: looks whether those who owe bytes send any.
 * @tick_timer: runs while there are RPCs.
 * @ticking: it does; see homa_net_tick_needed().
 * @tick_ns: from its last pass to the next.
 * @open_rpcs: those it found under way, see struct pass; falls by an eighth a pass at most.
 * @tick_work: finishes a pass that is too long for a softirq.
 * @dead: large RPCs to be freed by @reap_work.
 * @reap_work: frees @dead.
 */
struct homa_net {
	struct net *net;
	struct homa_metrics __percpu *metrics;
	struct homa_tunables tun;
	struct homa_observed observed;
	const struct homa_grant_order *grant_order;
	const struct homa_pacer *pacer;
	const struct homa_steering *steering;
	const struct homa_wait_policy *wait_policy;
	const struct homa_waiter_order *waiter_order;
	struct xarray links;
	struct work_struct links_work;
	u32 num_paced;
	bool wants_help;
	struct homa_freeze_peers __rcu *freeze_peers;
	struct ctl_table *sysctl_table;
	struct ctl_table_header *sysctl_header;

	spinlock_t sock_lock;
	struct list_head socks;
	u64 next_sock_seq;
	u16 next_port;

	spinlock_t peer_lock;
	struct list_head peers;
	int num_peers;
	u32 refused;

	spinlock_t grant_lock;
	struct list_head grant_queues;
	struct homa_grant_queue grant_spare;
	u32 num_grants;
	bool idle_ticking;

	struct hrtimer idle_timer;
	struct hrtimer tick_timer;
	int ticking;
	u64 tick_ns;
	u32 open_rpcs;
	struct work_struct tick_work;

	struct llist_head dead;
	struct work_struct reap_work;
};

extern unsigned int homa_net_id;

/* For work that is too long for a softirq. */
extern struct workqueue_struct *homa_wq;

static inline struct homa_net *homa_net(const struct net *net)
{
	return net_generic(net, homa_net_id);
}

/* The setting busy_usecs. */
static inline u64 homa_busy_ns(const struct homa_net *hnet)
{
	return (u64)READ_ONCE(hnet->tun.busy_usecs) * NSEC_PER_USEC;
}

/*
 * Called after an RPC was put on a socket's list, under the lock of that list.
 * The timer stops itself by clearing ticking and then looking at every list
 * under its lock, so one of the two sees what the other did.
 */
static inline void homa_net_tick_needed(struct homa_net *hnet)
{
	if (!READ_ONCE(hnet->ticking) && !cmpxchg(&hnet->ticking, 0, 1))
		hrtimer_start(&hnet->tick_timer, ns_to_ktime(HOMA_TICK_NS),
			      HRTIMER_MODE_REL_SOFT);
}

#endif /* _HOMA_NET_H */
