// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiver's scheduling. All messages that need grants are in one tree; the
 * first few of it are granted. An RPC's lock is taken before the grant lock.
 */

#include "grant.h"
#include "outgoing.h"

/* Messages considered when there are more than may be granted. */
#define HOMA_GRANT_LOOK 24

/* Old messages considered for a grant out of order. */
#define HOMA_OLDEST_LOOK 16

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
	hnet->num_grants++;
}

static u32 received(const struct homa_rpc_grant *entry)
{
	return entry->length - entry->rank.unreceived;
}

/* Counts what @entry's sender may still send, given what arrived. */
static void count_incoming(struct homa_net *hnet, struct homa_rpc_grant *entry)
{
	u32 got = received(entry);
	u32 incoming = entry->granted > got ? entry->granted - got : 0;

	hnet->total_incoming += (s64)incoming - entry->incoming;
	entry->incoming = incoming;
}

static void remove(struct homa_net *hnet, struct homa_rpc_grant *entry)
{
	if (RB_EMPTY_NODE(&entry->node))
		return;
	rb_erase_cached(&entry->node, &hnet->grants);
	RB_CLEAR_NODE(&entry->node);
	hnet->num_grants--;
}

/**
 * homa_grant_join() - a message needs grants from now on
 * @rpc: locked RPC whose message has space in the region; homa_grant_progress()
 *	follows.
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
	RB_CLEAR_NODE(&entry->node);
	spin_lock(&hnet->grant_lock);
	list_add_tail(&entry->age_link, &hnet->grant_ages);
	spin_unlock(&hnet->grant_lock);
}

static void leave(struct homa_net *hnet, struct homa_rpc_grant *entry)
{
	lockdep_assert_held(&hnet->grant_lock);
	entry->managed = false;
	remove(hnet, entry);
	list_del(&entry->age_link);
	hnet->total_incoming -= entry->incoming;
}

/**
 * homa_grant_leave() - a message needs no grants any more
 * @rpc: locked RPC that joined.
 */
void homa_grant_leave(struct homa_rpc *rpc)
{
	struct homa_net *hnet = rpc->hsk->hnet;

	homa_rpc_assert_locked(rpc);
	spin_lock(&hnet->grant_lock);
	leave(hnet, &rpc->grant);
	spin_unlock(&hnet->grant_lock);
}

/* Gives @bytes to the sender of a message, with a GRANT of @level. */
static void give(struct homa_net *hnet, struct homa_rpc_grant *entry, u32 bytes, u8 level,
		 struct homa_grant_list *list)
{
	struct homa_rpc *rpc = container_of(entry, struct homa_rpc, grant);

	entry->granted += bytes;
	WRITE_ONCE(rpc->rx.granted, entry->granted);
	count_incoming(hnet, entry);
	/* It has not left, hence was not freed. */
	homa_rpc_hold(rpc);
	list->grant[list->count].rpc = rpc;
	list->grant[list->count].offset = entry->granted;
	list->grant[list->count].level = level;
	list->count++;
}

/*
 * Now and then the oldest message gets a share of the link whatever the order
 * and the budget say, so that none starves.
 */
static void grant_oldest(struct homa_net *hnet, u32 window, struct homa_grant_list *list)
{
	u64 rate = (u64)READ_ONCE(hnet->tun.link_mbps) * READ_ONCE(hnet->tun.grant_fifo_fraction);
	u32 increment = READ_ONCE(hnet->tun.fifo_grant_increment);
	int level = max(READ_ONCE(hnet->tun.num_priorities) - 2, 0);
	struct homa_rpc_grant *entry;
	int looked = 0;
	u64 now_ns;

	if (!rate)
		return;
	now_ns = ktime_get_ns();
	if (now_ns < hnet->next_oldest_ns)
		return;
	/* Bits over Mbit/s and permille: nanoseconds. */
	hnet->next_oldest_ns = now_ns + div64_u64((u64)increment * 8 * NSEC_PER_MSEC, rate);
	list_for_each_entry(entry, &hnet->grant_ages, age_link) {
		if (!RB_EMPTY_NODE(&entry->node) && entry->granted < entry->length &&
		    entry->granted < received(entry) + window + 2 * increment) {
			u32 bytes = min(increment, entry->length - entry->granted);

			give(hnet, entry, bytes, level, list);
			homa_metric_add(hnet, fifo_grant_bytes, bytes);
			return;
		}
		if (++looked == HOMA_OLDEST_LOOK)
			return;
	}
}

/* Picks up to @most messages, best first. Return: their number. */
static u32 pick(struct homa_net *hnet, struct homa_rpc_grant **picked, u32 most)
{
	const void *peers[HOMA_GRANT_LOOK];
	struct homa_rpc_grant *best[HOMA_GRANT_LOOK];
	u32 look = hnet->num_grants > most ? HOMA_GRANT_LOOK : most;
	u32 count = 0, n = 0, i, mask;
	struct rb_node *node;

	for (node = rb_first_cached(&hnet->grants); node && count < look; node = rb_next(node)) {
		best[count] = entry_of(node);
		peers[count] = container_of(best[count], struct homa_rpc, grant)->peer;
		count++;
	}
	mask = homa_grant_pick(peers, count, most);
	for (i = 0; i < count; i++) {
		if (mask & BIT(i))
			picked[n++] = best[i];
	}
	return n;
}

/* Decides on grants for the best messages. */
static void decide(struct homa_net *hnet, struct homa_grant_list *list)
{
	struct homa_rpc_grant *picked[HOMA_MAX_GRANTED];
	u32 max_incoming = READ_ONCE(hnet->tun.max_incoming);
	u32 max_level = READ_ONCE(hnet->tun.max_sched_prio);
	u32 active, window, i;

	lockdep_assert_held(&hnet->grant_lock);
	list->count = 0;
	active = pick(hnet, picked, READ_ONCE(hnet->tun.max_overcommit));
	if (!active)
		return;
	homa_metric_inc(hnet, grant_check_calls);
	window = homa_grant_window(READ_ONCE(hnet->tun.window), max_incoming, active);
	for (i = 0; i < active; i++) {
		struct homa_rpc_grant *entry = picked[i];
		struct homa_grant_state state = {
			.length = entry->length,
			.received = received(entry),
			.granted = entry->granted,
			.window = window,
			.room = max_incoming - hnet->total_incoming,
		};
		bool starved;
		u32 bytes = homa_grant_step(&state, &starved);

		if (bytes)
			give(hnet, entry, bytes, homa_grant_level(i, active, max_level), list);
		if (starved) {
			homa_metric_inc(hnet, starved_grants);
			break; /* those that follow come later */
		}
	}
	grant_oldest(hnet, window, list);
}

/**
 * homa_grant_progress() - bytes of a message that joined have arrived, or were
 * copied out
 * @rpc: locked RPC.
 * @list: grants to send once it is unlocked.
 *
 * A message pauses while packets of it wait to be copied at a socket that holds
 * too many of them; see homa_grant_paused().
 */
void homa_grant_progress(struct homa_rpc *rpc, struct homa_grant_list *list)
{
	bool pause = homa_sock_rx_full(rpc->hsk) && !skb_queue_empty(&rpc->rx.queue);
	struct homa_net *hnet = rpc->hsk->hnet;
	struct homa_rpc_grant *entry = &rpc->grant;

	homa_rpc_assert_locked(rpc);
	spin_lock(&hnet->grant_lock);
	remove(hnet, entry);
	entry->rank.unreceived = rpc->rx.missing;
	count_incoming(hnet, entry);
	if (!rpc->rx.missing)
		leave(hnet, entry);
	else if (pause)
		homa_metric_inc(hnet, paused_grants);
	else
		add(hnet, entry);
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
	hnet->num_grants = 0;
	hnet->grant_order = order;
	while ((node = rb_first_cached(&old))) {
		rb_erase_cached(node, &old);
		add(hnet, entry_of(node));
	}
	spin_unlock_bh(&hnet->grant_lock);
}
