// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiver's scheduling. The messages that need grants are in a queue for each
 * device: a tree of their senders and, for each of these, one of its messages;
 * the first few are granted. An RPC's lock is taken before the grant lock.
 */

#include <linux/slab.h>

#include "grant.h"
#include "link.h"
#include "outgoing.h"

/* Messages looked at for what they owe. */
#define HOMA_OWING_LOOK 256

/* Old messages considered for a grant out of order. */
#define HOMA_OLDEST_LOOK 16

static struct homa_rpc_grant *entry_of(const struct rb_node *node)
{
	return rb_entry(node, struct homa_rpc_grant, node);
}

static struct homa_rpc *rpc_of(struct homa_rpc_grant *entry)
{
	return container_of(entry, struct homa_rpc, grant);
}

static struct homa_peer_grants *peer_of(struct homa_rpc_grant *entry)
{
	return &rpc_of(entry)->peer->grants;
}

/* The best message of the peer behind @node. */
static struct homa_rpc_grant *best_of(const struct rb_node *node)
{
	return entry_of(rb_first_cached(&rb_entry(node, struct homa_peer_grants, node)->messages));
}

static bool before(struct homa_rpc_grant *a, struct homa_rpc_grant *b)
{
	return rpc_of(a)->hsk->hnet->grant_order->before(&a->rank, &b->rank);
}

static bool message_before(struct rb_node *a, const struct rb_node *b)
{
	return before(entry_of(a), entry_of(b));
}

static bool peer_before(struct rb_node *a, const struct rb_node *b)
{
	return before(best_of(a), best_of(b));
}

/* The best message of @peer is another. */
static void move_peer(struct homa_peer_grants *peer)
{
	if (!RB_EMPTY_NODE(&peer->node))
		rb_erase_cached(&peer->node, &peer->queue->peers);
	RB_CLEAR_NODE(&peer->node);
	if (rb_first_cached(&peer->messages))
		rb_add_cached(&peer->node, &peer->queue->peers, peer_before);
}

static void add(struct homa_net *hnet, struct homa_rpc_grant *entry)
{
	struct homa_peer_grants *peer = peer_of(entry);

	lockdep_assert_held(&hnet->grant_lock);
	if (rb_add_cached(&entry->node, &peer->messages, message_before))
		move_peer(peer);
	hnet->num_grants++;
	if (hnet->num_grants > (u32)READ_ONCE(hnet->tun.max_grantable_rpcs))
		WRITE_ONCE(hnet->tun.max_grantable_rpcs, hnet->num_grants);
}

static void remove(struct homa_net *hnet, struct homa_rpc_grant *entry)
{
	struct homa_peer_grants *peer = peer_of(entry);
	bool was_best;

	if (RB_EMPTY_NODE(&entry->node))
		return;
	was_best = rb_first_cached(&peer->messages) == &entry->node;
	rb_erase_cached(&entry->node, &peer->messages);
	RB_CLEAR_NODE(&entry->node);
	if (was_best)
		move_peer(peer);
	hnet->num_grants--;
}

static u32 received(const struct homa_rpc_grant *entry)
{
	return entry->length - entry->rank.unreceived;
}

/* Counts what @entry's sender may still send, given what arrived. */
static void count_incoming(struct homa_grant_queue *queue, struct homa_rpc_grant *entry)
{
	u32 got = received(entry);
	u32 incoming = entry->granted > got ? entry->granted - got : 0;

	queue->total_incoming += (s64)incoming - entry->incoming;
	entry->incoming = incoming;
}

static void init_queue(struct homa_grant_queue *queue, int ifindex)
{
	queue->ifindex = ifindex;
	queue->joined = 0;
	queue->peers = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&queue->ages);
	queue->turns = 0;
	queue->next_oldest_ns = 0;
	queue->total_incoming = 0;
	queue->arrivals = 0;
	queue->arrivals_seen = 0;
}

/* Queue with the least ifindex from @ifindex on, or NULL. */
static struct homa_grant_queue *queue_from(struct homa_net *hnet, int ifindex)
{
	struct homa_grant_queue *queue;

	lockdep_assert_held(&hnet->grant_lock);
	list_for_each_entry(queue, &hnet->grant_queues, link) {
		if (queue->ifindex >= ifindex)
			return queue;
	}
	return NULL;
}

static struct homa_grant_queue *get_queue(struct homa_net *hnet, int ifindex)
{
	struct homa_grant_queue *next = queue_from(hnet, ifindex), *queue;

	if (next && next->ifindex == ifindex)
		return next;
	queue = kmalloc(sizeof(*queue), GFP_ATOMIC);
	if (!queue)
		return &hnet->grant_spare;
	init_queue(queue, ifindex);
	list_add_tail(&queue->link, next ? &next->link : &hnet->grant_queues);
	return queue;
}

static void put_queue(struct homa_net *hnet, struct homa_grant_queue *queue)
{
	if (queue->joined || queue == &hnet->grant_spare)
		return;
	list_del(&queue->link);
	kfree(queue);
}

void homa_grant_net_init(struct homa_net *hnet)
{
	spin_lock_init(&hnet->grant_lock);
	INIT_LIST_HEAD(&hnet->grant_queues);
	init_queue(&hnet->grant_spare, 0);
	list_add(&hnet->grant_spare.link, &hnet->grant_queues);
}

/**
 * homa_grant_join() - a message needs grants from now on
 * @rpc: locked RPC whose message has space in the region; homa_grant_progress()
 *	follows.
 * @ifindex: device through which it comes.
 * @now_ns: its arrival.
 */
void homa_grant_join(struct homa_rpc *rpc, int ifindex, u64 now_ns)
{
	struct homa_peer_grants *peer = &rpc->peer->grants;
	struct homa_net *hnet = rpc->hsk->hnet;
	struct homa_rpc_grant *entry = &rpc->grant;

	homa_rpc_assert_locked(rpc);
	entry->managed = true;
	entry->length = rpc->rx.length;
	entry->granted = rpc->rx.granted;
	entry->incoming = 0;
	entry->asked = 0;
	entry->rank.birth_ns = now_ns;
	RB_CLEAR_NODE(&entry->node);
	spin_lock(&hnet->grant_lock);
	/* All messages of a peer are in one queue. */
	if (!peer->joined++)
		peer->queue = get_queue(hnet, ifindex);
	peer->queue->joined++;
	entry->rank.turn = ++peer->queue->turns;
	list_add_tail(&entry->age_link, &peer->queue->ages);
	spin_unlock(&hnet->grant_lock);
}

/* The caller puts the queue of @entry. */
static void leave(struct homa_net *hnet, struct homa_rpc_grant *entry)
{
	struct homa_peer_grants *peer = peer_of(entry);
	struct homa_grant_queue *queue = peer->queue;

	lockdep_assert_held(&hnet->grant_lock);
	entry->managed = false;
	remove(hnet, entry);
	list_del(&entry->age_link);
	queue->total_incoming -= entry->incoming;
	queue->joined--;
	if (!--peer->joined)
		peer->queue = NULL;
}

/**
 * homa_grant_leave() - a message needs no grants any more
 * @rpc: locked RPC that joined.
 */
void homa_grant_leave(struct homa_rpc *rpc)
{
	struct homa_net *hnet = rpc->hsk->hnet;
	struct homa_grant_queue *queue;

	homa_rpc_assert_locked(rpc);
	spin_lock(&hnet->grant_lock);
	queue = rpc->peer->grants.queue;
	leave(hnet, &rpc->grant);
	put_queue(hnet, queue);
	spin_unlock(&hnet->grant_lock);
}

/* Gives @bytes to the sender of a message, with a GRANT of @level. */
static void give(struct homa_grant_queue *queue, struct homa_rpc_grant *entry, u32 bytes, u8 level,
		 struct homa_grant_list *list)
{
	struct homa_rpc *rpc = rpc_of(entry);

	entry->granted += bytes;
	WRITE_ONCE(rpc->rx.granted, entry->granted);
	count_incoming(queue, entry);
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
static void grant_oldest(struct homa_net *hnet, struct homa_grant_queue *queue, u32 window,
			 struct homa_grant_list *list)
{
	u64 rate = (u64)homa_link_mbps(hnet, queue->ifindex) *
		   READ_ONCE(hnet->tun.grant_fifo_fraction);
	u32 increment = READ_ONCE(hnet->tun.fifo_grant_increment);
	int level = max(READ_ONCE(hnet->tun.num_priorities) - 2, 0);
	struct homa_rpc_grant *entry;
	int looked = 0;
	u64 now_ns;

	if (!rate)
		return;
	now_ns = ktime_get_ns();
	if (now_ns < queue->next_oldest_ns)
		return;
	/* Bits over Mbit/s and permille: nanoseconds. */
	queue->next_oldest_ns = now_ns + div64_u64((u64)increment * 8 * NSEC_PER_MSEC, rate);
	list_for_each_entry(entry, &queue->ages, age_link) {
		if (!RB_EMPTY_NODE(&entry->node) && entry->granted < entry->length &&
		    entry->granted < received(entry) + window + 2 * increment) {
			u32 bytes = min(increment, entry->length - entry->granted);

			give(queue, entry, bytes, level, list);
			homa_metric_add(hnet, fifo_grant_bytes, bytes);
			return;
		}
		if (++looked == HOMA_OLDEST_LOOK)
			return;
	}
}

/* Puts @entry in its place among the first @count of @picked. */
static void insert(struct homa_rpc_grant **picked, u32 count, struct homa_rpc_grant *entry)
{
	while (count && before(entry, picked[count - 1])) {
		picked[count] = picked[count - 1];
		count--;
	}
	picked[count] = entry;
}

/*
 * Picks up to @most messages and sorts them, best first: the best of each
 * peer before the second best of any, so that one slow sender cannot leave the
 * link idle. Return: their number.
 */
static u32 pick(struct homa_grant_queue *queue, struct homa_rpc_grant **picked, u32 most)
{
	struct rb_node *next[HOMA_MAX_GRANTED]; /* of each peer */
	u32 count = 0, peers = 0, i;
	struct rb_node *node;
	bool more = true;

	for (node = rb_first_cached(&queue->peers); node && count < most; node = rb_next(node)) {
		struct homa_rpc_grant *best = best_of(node);

		next[peers++] = rb_next(&best->node);
		picked[count++] = best;
	}
	while (more && count < most) {
		more = false;
		for (i = 0; i < peers && count < most; i++) {
			if (!next[i])
				continue;
			insert(picked, count++, entry_of(next[i]));
			next[i] = rb_next(next[i]);
			more = true;
		}
	}
	return count;
}

/* Those looked at go behind all others, if the order is such. */
static void rotate(struct homa_net *hnet, struct homa_grant_queue *queue,
		   struct homa_rpc_grant **looked_at, u32 count)
{
	u32 i;

	for (i = 0; i < count && hnet->grant_order->rotates; i++) {
		remove(hnet, looked_at[i]);
		looked_at[i]->rank.turn = ++queue->turns;
		add(hnet, looked_at[i]);
	}
}

/* Decides on grants for the best messages. */
static void decide(struct homa_net *hnet, struct homa_grant_queue *queue,
		   struct homa_grant_list *list)
{
	struct homa_rpc_grant *picked[HOMA_MAX_GRANTED];
	u32 max_incoming = READ_ONCE(hnet->tun.max_incoming);
	u32 max_level = READ_ONCE(hnet->tun.max_sched_prio);
	u32 active, window, i;

	lockdep_assert_held(&hnet->grant_lock);
	list->count = 0;
	active = pick(queue, picked, READ_ONCE(hnet->tun.max_overcommit));
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
			.room = max_incoming - queue->total_incoming,
		};
		bool starved;
		u32 bytes = homa_grant_step(&state, &starved);

		if (bytes)
			give(queue, entry, bytes, homa_grant_level(i, active, max_level), list);
		if (starved) {
			homa_metric_inc(hnet, starved_grants);
			break; /* those that follow come later */
		}
	}
	rotate(hnet, queue, picked, i);
	grant_oldest(hnet, queue, window, list);
}

static u64 idle_ns(const struct homa_net *hnet)
{
	return READ_ONCE(hnet->tun.resend_idle_usecs) * (u64)NSEC_PER_USEC;
}

/* Bytes of the queue's messages are under way, and should arrive. */
static void watch(struct homa_net *hnet, const struct homa_grant_queue *queue)
{
	lockdep_assert_held(&hnet->grant_lock);
	if (hnet->idle_ticking || queue->total_incoming <= 0 || !idle_ns(hnet))
		return;
	hnet->idle_ticking = true;
	hrtimer_start(&hnet->idle_timer, ns_to_ktime(idle_ns(hnet)), HRTIMER_MODE_REL_SOFT);
}

/*
 * Adds the best messages of @queue that owe bytes and were not asked for them
 * since the last ones came, with references; not for more than the budget, which is
 * what the network was meant to hold. Return: their number then.
 */
static u32 find_owing(const struct homa_net *hnet, struct homa_grant_queue *queue,
		      struct homa_rpc **owing, u32 count)
{
	s64 budget = READ_ONCE(hnet->tun.max_incoming);
	struct rb_node *peer, *node;
	u32 looked = 0;

	for (peer = rb_first_cached(&queue->peers); peer; peer = rb_next(peer)) {
		for (node = &best_of(peer)->node; node; node = rb_next(node)) {
			struct homa_rpc_grant *entry = entry_of(node);

			if (budget <= 0 || count == HOMA_MAX_OWING || looked++ == HOMA_OWING_LOOK)
				return count;
			if (!entry->incoming || entry->asked == entry->rank.unreceived)
				continue;
			entry->asked = entry->rank.unreceived;
			budget -= entry->incoming;
			/* It has not left, hence was not freed. */
			homa_rpc_hold(rpc_of(entry));
			owing[count++] = rpc_of(entry);
		}
	}
	return count;
}

/**
 * homa_grant_owing() - find messages that should arrive and do not
 * @hnet: namespace. No lock held.
 * @owing: room for HOMA_MAX_OWING; each with a reference.
 * @next_ns: set: when hnet->idle_timer shall expire again, 0: it stops.
 *
 * While all is well, packets of what was granted come one after the other. If
 * none came to a device since the last call, they are lost.
 *
 * Return: their number.
 */
u32 homa_grant_owing(struct homa_net *hnet, struct homa_rpc **owing, u64 *next_ns)
{
	struct homa_grant_queue *queue;
	bool again = false;
	u32 count = 0;

	spin_lock_bh(&hnet->grant_lock);
	list_for_each_entry(queue, &hnet->grant_queues, link) {
		if (queue->arrivals == queue->arrivals_seen)
			count = find_owing(hnet, queue, owing, count);
		else if (queue->total_incoming > 0)
			again = true;
		queue->arrivals_seen = queue->arrivals;
	}
	*next_ns = again || count ? idle_ns(hnet) : 0;
	hnet->idle_ticking = *next_ns;
	spin_unlock_bh(&hnet->grant_lock);
	return count;
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
	struct homa_grant_queue *queue;

	homa_rpc_assert_locked(rpc);
	spin_lock(&hnet->grant_lock);
	queue = rpc->peer->grants.queue;
	queue->arrivals++;
	remove(hnet, entry);
	entry->rank.unreceived = rpc->rx.missing;
	count_incoming(queue, entry);
	if (!rpc->rx.missing)
		leave(hnet, entry);
	else if (pause)
		homa_metric_inc(hnet, paused_grants);
	else
		add(hnet, entry);
	decide(hnet, queue, list);
	watch(hnet, queue);
	put_queue(hnet, queue);
	spin_unlock(&hnet->grant_lock);
}

/**
 * homa_grant_check() - grant what room became free
 * @hnet: namespace. No lock held.
 */
void homa_grant_check(struct homa_net *hnet)
{
	struct homa_grant_queue *queue;
	struct homa_grant_list list;
	int ifindex = 0;

	if (!READ_ONCE(hnet->num_grants))
		return;
	do {
		list.count = 0;
		spin_lock_bh(&hnet->grant_lock);
		queue = queue_from(hnet, ifindex);
		if (queue) {
			ifindex = queue->ifindex + 1;
			decide(hnet, queue, &list);
		}
		spin_unlock_bh(&hnet->grant_lock);
		homa_grant_send(&list);
	} while (queue);
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

/* Sorts the messages of @peer, which is in no tree, and puts it in its place. */
static void sort_peer(struct homa_peer_grants *peer)
{
	struct rb_root_cached old = peer->messages;
	struct rb_node *node;

	peer->messages = RB_ROOT_CACHED;
	while ((node = rb_first_cached(&old))) {
		rb_erase_cached(node, &old);
		rb_add_cached(node, &peer->messages, message_before);
	}
	move_peer(peer);
}

/* Changes the order, also of the messages that are being granted. */
void homa_grant_set_order(struct homa_net *hnet, const struct homa_grant_order *order)
{
	struct homa_grant_queue *queue;
	struct rb_root_cached old;
	struct rb_node *node;

	spin_lock_bh(&hnet->grant_lock);
	hnet->grant_order = order;
	list_for_each_entry(queue, &hnet->grant_queues, link) {
		old = queue->peers;
		queue->peers = RB_ROOT_CACHED;
		while ((node = rb_first_cached(&old))) {
			rb_erase_cached(node, &old);
			RB_CLEAR_NODE(node);
			sort_peer(rb_entry(node, struct homa_peer_grants, node));
		}
	}
	spin_unlock_bh(&hnet->grant_lock);
}
