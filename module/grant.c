// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiver's scheduling. All messages that need grants are in one tree; the
 * first few of it are granted. An RPC's lock is taken before the grant lock.
 */

#include "grant.h"
#include "outgoing.h"

/* Highest level for scheduled packets, below those of unscheduled ones. */
#define HOMA_MAX_SCHED_LEVEL 3

static bool fifo_before(const struct homa_grant_rank *a, const struct homa_grant_rank *b)
{
	return a->birth_ns < b->birth_ns;
}

static const struct homa_grant_order order_srpt = {
	.strategy.name = "srpt",
	.before = homa_grant_before,
};

static const struct homa_grant_order order_fifo = {
	.strategy.name = "fifo",
	.before = fifo_before,
};

static const struct homa_strategy *const orders[] = {
	&order_srpt.strategy,
	&order_fifo.strategy,
};

const struct homa_strategy_kind homa_grant_orders = { orders, ARRAY_SIZE(orders) };

const struct homa_grant_order *homa_grant_order_find(const char *name)
{
	const struct homa_strategy *found = homa_strategy_find(&homa_grant_orders, name);

	return found ? container_of(found, struct homa_grant_order, strategy) : NULL;
}

static struct homa_rpc_grant *entry_of(struct rb_node *node)
{
	return rb_entry(node, struct homa_rpc_grant, node);
}

static void add(struct homa_net *hnet, struct homa_rpc_grant *entry)
{
	struct rb_node **link = &hnet->grants.rb_root.rb_node, *parent = NULL;
	bool first = true;

	lockdep_assert_held(&hnet->grant_lock);
	while (*link) {
		parent = *link;
		if (hnet->grant_order->before(&entry->rank, &entry_of(parent)->rank)) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			first = false;
		}
	}
	rb_link_node(&entry->node, parent, link);
	rb_insert_color_cached(&entry->node, &hnet->grants, first);
}

/* Counts what @entry's sender may still send, given what arrived. */
static void count_incoming(struct homa_net *hnet, struct homa_rpc_grant *entry)
{
	u32 received = entry->length - entry->rank.unreceived;
	u32 incoming = entry->granted > received ? entry->granted - received : 0;

	hnet->total_incoming += (s64)incoming - entry->incoming;
	entry->incoming = incoming;
}

/**
 * homa_grant_join() - a message needs grants from now on
 * @rpc: locked RPC whose message has space in the region.
 * @now_ns: its arrival.
 */
void homa_grant_join(struct homa_rpc *rpc, u64 now_ns)
{
	struct homa_net *hnet = rpc->hsk->hnet;
	struct homa_rpc_grant *entry = &rpc->grant;

	homa_rpc_assert_locked(rpc);
	entry->managed = true;
	entry->length = rpc->rx.length;
	entry->granted = rpc->rx.granted;
	entry->incoming = 0;
	entry->rank.birth_ns = now_ns;
	entry->rank.unreceived = rpc->rx.missing;
	spin_lock(&hnet->grant_lock);
	add(hnet, entry);
	hnet->num_grants++;
	count_incoming(hnet, entry);
	spin_unlock(&hnet->grant_lock);
}

/**
 * homa_grant_leave() - a message needs no grants any more
 * @rpc: locked RPC that joined.
 */
void homa_grant_leave(struct homa_rpc *rpc)
{
	struct homa_net *hnet = rpc->hsk->hnet;

	homa_rpc_assert_locked(rpc);
	rpc->grant.managed = false;
	spin_lock(&hnet->grant_lock);
	rb_erase_cached(&rpc->grant.node, &hnet->grants);
	hnet->num_grants--;
	hnet->total_incoming -= rpc->grant.incoming;
	spin_unlock(&hnet->grant_lock);
}

/* Decides on grants for the first messages of the tree. */
static void decide(struct homa_net *hnet, struct homa_grant_list *list)
{
	u32 overcommit = READ_ONCE(hnet->tun.max_overcommit);
	u32 active = min(hnet->num_grants, overcommit);
	u32 max_incoming = READ_ONCE(hnet->tun.max_incoming);
	u32 window, above = 0;
	struct rb_node *node;

	lockdep_assert_held(&hnet->grant_lock);
	list->count = 0;
	if (!active)
		return;
	homa_metric_inc(hnet, grant_check_calls);
	window = homa_grant_window(READ_ONCE(hnet->tun.window), max_incoming, active);
	for (node = rb_first_cached(&hnet->grants); node && above < active; node = rb_next(node)) {
		struct homa_rpc_grant *entry = entry_of(node);
		struct homa_grant_state state = {
			.length = entry->length,
			.received = entry->length - entry->rank.unreceived,
			.granted = entry->granted,
			.window = window,
			.room = max_incoming - hnet->total_incoming,
		};
		bool starved;
		u32 give = homa_grant_step(&state, &starved);

		if (give) {
			struct homa_rpc *rpc = container_of(entry, struct homa_rpc, grant);

			entry->granted += give;
			WRITE_ONCE(rpc->rx.granted, entry->granted);
			count_incoming(hnet, entry);
			/* In the tree, hence not yet freed. */
			homa_rpc_hold(rpc);
			list->grant[list->count].rpc = rpc;
			list->grant[list->count].offset = entry->granted;
			list->grant[list->count].level =
				homa_grant_level(above, active, HOMA_MAX_SCHED_LEVEL);
			list->count++;
		}
		above++;
		if (starved) {
			homa_metric_inc(hnet, starved_grants);
			break; /* those that follow come later */
		}
	}
}

/**
 * homa_grant_progress() - bytes of a message that joined have arrived
 * @rpc: locked RPC.
 * @list: grants to send once it is unlocked.
 */
void homa_grant_progress(struct homa_rpc *rpc, struct homa_grant_list *list)
{
	struct homa_net *hnet = rpc->hsk->hnet;
	struct homa_rpc_grant *entry = &rpc->grant;

	homa_rpc_assert_locked(rpc);
	spin_lock(&hnet->grant_lock);
	rb_erase_cached(&entry->node, &hnet->grants);
	entry->rank.unreceived = rpc->rx.missing;
	if (rpc->rx.missing) {
		add(hnet, entry);
		count_incoming(hnet, entry);
	} else {
		entry->managed = false;
		hnet->num_grants--;
		hnet->total_incoming -= entry->incoming;
	}
	decide(hnet, list);
	spin_unlock(&hnet->grant_lock);
}

/**
 * homa_grant_check() - grant what room became free
 * @hnet: namespace. No lock held.
 */
void homa_grant_check(struct homa_net *hnet)
{
	struct homa_grant_list list;

	if (!READ_ONCE(hnet->num_grants))
		return;
	spin_lock_bh(&hnet->grant_lock);
	decide(hnet, &list);
	spin_unlock_bh(&hnet->grant_lock);
	homa_grant_send(&list);
}

/* Sends and empties @list. No lock held. */
void homa_grant_send(struct homa_grant_list *list)
{
	u32 i;

	for (i = 0; i < list->count; i++) {
		homa_xmit_grant(list->grant[i].rpc, list->grant[i].offset, list->grant[i].level);
		homa_rpc_put(list->grant[i].rpc);
	}
	list->count = 0;
}

/* Changes the order, also of the messages that are being granted. */
void homa_grant_set_order(struct homa_net *hnet, const struct homa_grant_order *order)
{
	struct rb_root_cached old;
	struct rb_node *node;

	spin_lock_bh(&hnet->grant_lock);
	old = hnet->grants;
	hnet->grants = RB_ROOT_CACHED;
	hnet->grant_order = order;
	while ((node = rb_first_cached(&old))) {
		rb_erase_cached(node, &old);
		add(hnet, entry_of(node));
	}
	spin_unlock_bh(&hnet->grant_lock);
}
