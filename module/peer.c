// SPDX-License-Identifier: GPL-2.0-only
/* Remote hosts. */

#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include "compat.h"
#include "peer.h"
#include "sock.h"
#include "uapi/homa.h"

/* Looked at, and given up, when a peer is added to a full table. */
#define HOMA_PEER_GC_LOOK 10
#define HOMA_PEER_GC_TAKE 5

/* A peer that finished nothing for so long may have started its ids anew; not
 * shorter than several times a client's patience, because until then it asks
 * again, and its ticks may be long ones.
 */
#define HOMA_SEEN_LIFE HZ
#define HOMA_SEEN_TIMEOUTS 10

/* Smallest path MTU of IPv4 that routers are believed, by default. */
#define HOMA_MIN_PMTU 552

static struct rhashtable peer_table;

static const struct rhashtable_params peer_params = {
	.key_len = sizeof(struct homa_peer_key),
	.key_offset = offsetof(struct homa_peer, key),
	.head_offset = offsetof(struct homa_peer, node),
	.automatic_shrinking = true,
};

static void free_route_rcu(struct rcu_head *head)
{
	struct homa_route *route = container_of(head, struct homa_route, rcu);

	dst_release(route->dst);
	kfree(route);
}

static void free_peer_rcu(struct rcu_head *head)
{
	struct homa_peer *peer = container_of(head, struct homa_peer, rcu);
	struct homa_route *route = rcu_dereference_protected(peer->route, true);

	if (route)
		free_route_rcu(&route->rcu);
	kfree(peer);
}

void homa_peer_put(struct homa_peer *peer)
{
	if (refcount_dec_and_test(&peer->refs))
		call_rcu(&peer->rcu, free_peer_rcu);
}

static void unlink_peer(struct homa_net *hnet, struct homa_peer *peer)
{
	lockdep_assert_held(&hnet->peer_lock);
	rhashtable_remove_fast(&peer_table, &peer->node, peer_params);
	list_del_init(&peer->net_link);
	hnet->num_peers--;
	homa_metric_inc(hnet, peer_frees);
	homa_peer_put(peer);
}

static bool seen_expired(const struct homa_peer *peer, const struct homa_seen *range)
{
	u32 timeout_ms = READ_ONCE(peer->key.hnet->tun.timeout_ticks);
	unsigned long life = max_t(unsigned long, HOMA_SEEN_LIFE,
				   HOMA_SEEN_TIMEOUTS * msecs_to_jiffies(timeout_ms));

	return time_after(jiffies, READ_ONCE(range->used) + life);
}

/* True if a request of the peer could be executed twice without it. */
static bool remembers(const struct homa_peer *peer)
{
	u32 i;

	for (i = 0; i < HOMA_SEEN_RANGES; i++) {
		if (READ_ONCE(peer->seen[i].top) && !seen_expired(peer, &peer->seen[i]))
			return true;
	}
	return false;
}

/* Jiffies a peer is kept after its last use. A full table gives up at once those
 * that may be inventions: they must not keep real ones out.
 */
static unsigned long idle_limit(const struct homa_peer *peer, bool full)
{
	const struct homa_tunables *tun = &peer->key.hnet->tun;

	if (!full)
		return HZ * (unsigned long)READ_ONCE(tun->peer_idle_secs_max);
	return READ_ONCE(peer->known) ? HZ * (unsigned long)READ_ONCE(tun->peer_idle_secs_min) : 0;
}

/* Gives up a few peers that nobody uses, if there are too many. */
static void collect_idle(struct homa_net *hnet)
{
	bool over = hnet->num_peers >= READ_ONCE(hnet->tun.peer_net_max);
	int looked = 0, taken = 0;

	lockdep_assert_held(&hnet->peer_lock);
	if (!over && hnet->num_peers < READ_ONCE(hnet->tun.peer_gc_threshold))
		return;
	while (looked++ < HOMA_PEER_GC_LOOK && taken < HOMA_PEER_GC_TAKE &&
	       !list_empty(&hnet->peers)) {
		struct homa_peer *peer = list_first_entry(&hnet->peers, struct homa_peer, net_link);

		/* Peers with RPCs have more references than the table's. */
		if (refcount_read(&peer->refs) == 1 &&
		    time_after(jiffies, READ_ONCE(peer->used) + idle_limit(peer, over)) &&
		    !remembers(peer)) {
			unlink_peer(hnet, peer);
			taken++;
		} else {
			list_move_tail(&peer->net_link, &hnet->peers);
		}
	}
}

/* Tells the neighbour's entry that packets get through: it need not be probed. */
static void confirm_neighbour(struct homa_peer *peer)
{
	const struct homa_route *route = rcu_dereference(peer->route);

	if (route && time_before(jiffies, READ_ONCE(peer->heard) + HZ))
		dst_confirm_neigh(route->dst, homa_peer_is_v4(peer) ?
				  (void *)&peer->key.addr.s6_addr32[3] : &peer->key.addr);
}

/* Takes a reference, unless @peer is NULL or about to be freed. */
static struct homa_peer *use(struct homa_peer *peer)
{
	if (!peer || !refcount_inc_not_zero(&peer->refs))
		return NULL;
	/* Written seldom, so that the line stays shared. */
	if (READ_ONCE(peer->used) != jiffies) {
		WRITE_ONCE(peer->used, jiffies);
		confirm_neighbour(peer);
	}
	return peer;
}

struct homa_peer *homa_peer_find(struct homa_net *hnet, const struct in6_addr *addr)
{
	struct homa_peer_key key = { .addr = *addr, .hnet = hnet };
	struct homa_peer *peer;

	rcu_read_lock();
	peer = use(rhashtable_lookup(&peer_table, &key, peer_params));
	rcu_read_unlock();
	return peer;
}

u32 homa_peer_refused(struct homa_net *hnet)
{
	u32 refused = 0;

	if (likely(!READ_ONCE(hnet->refused)))
		return 0;
	spin_lock_bh(&hnet->peer_lock);
	if (hnet->num_peers >= READ_ONCE(hnet->tun.peer_net_max))
		refused = hnet->refused;
	WRITE_ONCE(hnet->refused, 0);
	spin_unlock_bh(&hnet->peer_lock);
	return refused;
}

void homa_peer_offer(struct homa_peer *peer)
{
	struct homa_net *hnet = peer->key.hnet;

	spin_lock_bh(&hnet->peer_lock);
	if (!list_empty(&peer->net_link))
		list_move(&peer->net_link, &hnet->peers);
	spin_unlock_bh(&hnet->peer_lock);
}

static struct homa_peer *insert(struct homa_net *hnet, struct homa_peer *peer)
{
	struct homa_peer *other;

	spin_lock_bh(&hnet->peer_lock);
	collect_idle(hnet);
	rcu_read_lock();
	if (hnet->num_peers >= READ_ONCE(hnet->tun.peer_net_max)) {
		WRITE_ONCE(hnet->refused, hnet->refused + 1);
		other = ERR_PTR(-ENOBUFS);
	} else {
		other = rhashtable_lookup_get_insert_fast(&peer_table, &peer->node, peer_params);
	}
	if (!other) {
		list_add_tail(&peer->net_link, &hnet->peers);
		hnet->num_peers++;
		homa_metric_inc(hnet, peer_allocs);
	} else if (!IS_ERR(other) && !refcount_inc_not_zero(&other->refs)) {
		other = ERR_PTR(-EAGAIN);
	}
	rcu_read_unlock();
	spin_unlock_bh(&hnet->peer_lock);
	return other;
}

/**
 * homa_peer_get() - find or add a peer
 * @hnet: namespace.
 * @addr: its address, IPv4 addresses mapped.
 * @gfp: how to allocate.
 *
 * Return: the peer with a reference, or an ERR_PTR.
 */
struct homa_peer *homa_peer_get(struct homa_net *hnet, const struct in6_addr *addr, gfp_t gfp)
{
	struct homa_peer *peer = homa_peer_find(hnet, addr), *other;

	if (likely(peer))
		return peer;

	peer = kzalloc(sizeof(*peer), gfp);
	if (!peer) {
		homa_metric_inc(hnet, peer_kmalloc_errors);
		return ERR_PTR(-ENOMEM);
	}
	peer->key.addr = *addr;
	peer->key.hnet = hnet;
	refcount_set(&peer->refs, 2);
	peer->used = jiffies;
	peer->heard = jiffies - HZ;
	peer->cutoffs_told = jiffies - 1;
	peer->cutoffs[HOMA_MAX_PRIORITIES - 2] = S32_MAX;
	peer->grants.messages = RB_ROOT_CACHED;
	RB_CLEAR_NODE(&peer->grants.node);
	spin_lock_init(&peer->lock);
	other = insert(hnet, peer);
	if (!other)
		return peer;
	kfree(peer);
	if (IS_ERR(other))
		homa_metric_inc(hnet, peer_kmalloc_errors);
	return other;
}

struct homa_peer *homa_peer_get_recent(struct homa_peer __rcu **recent, struct homa_net *hnet,
				       const struct in6_addr *addr, gfp_t gfp)
{
	struct homa_peer *peer, *old;

	rcu_read_lock();
	peer = rcu_dereference(*recent);
	peer = peer && ipv6_addr_equal(&peer->key.addr, addr) ? use(peer) : NULL;
	rcu_read_unlock();
	if (likely(peer))
		return peer;
	peer = homa_peer_get(hnet, addr, gfp);
	if (IS_ERR(peer))
		return peer;
	refcount_inc(&peer->refs);
	old = unrcu_pointer(xchg(recent, RCU_INITIALIZER(peer)));
	if (old)
		homa_peer_put(old);
	return peer;
}

/* @sk: whose device, mark and user choose the route; NULL: none. */
static struct dst_entry *find_dst(struct homa_peer *peer, const struct sock *sk, struct flowi *fl)
{
	int oif = sk ? READ_ONCE(sk->sk_bound_dev_if) : 0;
	u32 mark = sk ? READ_ONCE(sk->sk_mark) : 0;
	struct net *net = peer->key.hnet->net;

	memset(fl, 0, sizeof(*fl));
	if (homa_peer_is_v4(peer)) {
		struct rtable *rt;

		flowi4_init_output(&fl->u.ip4, oif, mark, 0, RT_SCOPE_UNIVERSE, IPPROTO_HOMA, 0,
				   peer->key.addr.s6_addr32[3], 0, 0, 0, sock_net_uid(net, sk));
		rt = ip_route_output_flow(net, &fl->u.ip4, sk);
		return IS_ERR(rt) ? ERR_CAST(rt) : &rt->dst;
	}
#if IS_ENABLED(CONFIG_IPV6)
	fl->u.ip6.daddr = peer->key.addr;
	fl->u.ip6.flowi6_proto = IPPROTO_HOMA;
	fl->u.ip6.flowi6_oif = oif;
	fl->u.ip6.flowi6_mark = mark;
	fl->u.ip6.flowi6_uid = sock_net_uid(net, sk);
	return ip6_dst_lookup_flow(net, sk, &fl->u.ip6, NULL);
#else
	return ERR_PTR(-EAFNOSUPPORT);
#endif
}

static bool route_valid(const struct homa_route *route)
{
	return !READ_ONCE(route->dst->obsolete) ||
	       route->dst->ops->check(route->dst, route->cookie);
}

/* Paths do not get narrower than this unless somebody allows it. */
static u32 sure_bytes(const struct homa_peer *peer, const struct dst_entry *dst)
{
	u32 mtu = homa_peer_is_v4(peer) ? HOMA_MIN_PMTU : IPV6_MIN_MTU;

	return homa_wire_seg_bytes(min(dst_mtu(dst), mtu), homa_peer_ip_bytes(peer));
}

#if IS_ENABLED(CONFIG_IPV6)
#define HOMA_COOKIE_TRIES 3

/* The cookie of a route is that of the table when it is read. If the table has
 * changed since the look-up, it would say of an old route that it is valid: so
 * the look-up must lead there once more.
 */
static void set_cookie(struct homa_peer *peer, struct homa_route *route)
{
	u32 tries;

	for (tries = 0; tries < HOMA_COOKIE_TRIES; tries++) {
		u32 cookie = rt6_get_cookie(dst_rt6_info(route->dst));
		struct dst_entry *again = find_dst(peer, NULL, &route->fl);
		bool same = again == route->dst;

		if (IS_ERR(again))
			return;
		dst_release(route->dst);
		route->dst = again;
		if (same) {
			route->cookie = cookie;
			return;
		}
	}
	/* 0 is never valid: the next packet looks again. */
}
#endif

static struct homa_route *new_route(struct homa_peer *peer)
{
	struct homa_route *route = kmalloc(sizeof(*route), GFP_ATOMIC), *old;
	struct homa_net *hnet = peer->key.hnet;

	if (!route)
		return ERR_PTR(-ENOMEM);
	route->dst = find_dst(peer, NULL, &route->fl);
	if (IS_ERR(route->dst)) {
		old = ERR_CAST(route->dst);
		kfree(route);
		homa_metric_inc(hnet, peer_route_errors);
		return old;
	}
	route->cookie = 0;
#if IS_ENABLED(CONFIG_IPV6)
	if (!homa_peer_is_v4(peer))
		set_cookie(peer, route);
#endif
	route->sure_bytes = sure_bytes(peer, route->dst);
	spin_lock_bh(&peer->lock);
	old = rcu_replace_pointer(peer->route, route, lockdep_is_held(&peer->lock));
	spin_unlock_bh(&peer->lock);
	if (old) {
		homa_metric_inc(hnet, peer_dst_refreshes);
		call_rcu(&old->rcu, free_route_rcu);
	}
	return route;
}

struct homa_route *homa_peer_route(struct homa_peer *peer)
{
	struct homa_route *route = rcu_dereference(peer->route);

	if (likely(route && route_valid(route)))
		return route;
	return new_route(peer);
}

int homa_peer_sock_route(struct homa_peer *peer, const struct sock *sk, struct homa_route *route)
{
	route->dst = find_dst(peer, sk, &route->fl);
	if (!IS_ERR(route->dst))
		return 0;
	homa_metric_inc(peer->key.hnet, peer_route_errors);
	return PTR_ERR(route->dst);
}

bool homa_peer_add_ack(struct homa_peer *peer, u64 id, u16 port)
{
	bool room;

	homa_peer_heard(peer);
	WRITE_ONCE(peer->known, true);
	spin_lock_bh(&peer->lock);
	room = peer->num_acks < HOMA_MAX_ACKS;
	if (room) {
		struct homa_wire_ack *ack = &peer->acks[peer->num_acks];

		ack->client_id = id;
		ack->server_port = port;
		WRITE_ONCE(peer->num_acks, peer->num_acks + 1);
	}
	spin_unlock_bh(&peer->lock);
	return room;
}

u32 homa_peer_take_acks(struct homa_peer *peer, struct homa_wire_ack *acks, u32 max)
{
	u32 n = 0;

	if (!READ_ONCE(peer->num_acks))
		return 0;
	spin_lock_bh(&peer->lock);
	while (n < max && peer->num_acks) {
		WRITE_ONCE(peer->num_acks, peer->num_acks - 1);
		acks[n++] = peer->acks[peer->num_acks];
	}
	spin_unlock_bh(&peer->lock);
	return n;
}

void homa_peer_note_error(struct homa_peer *peer, u16 port, int error)
{
	spin_lock_bh(&peer->lock);
	peer->errors[peer->num_errors % HOMA_PEER_ERRORS] = (struct homa_peer_error) {
		.at = jiffies, .error = error, .port = port
	};
	WRITE_ONCE(peer->num_errors, peer->num_errors + 1);
	spin_unlock_bh(&peer->lock);
}

int homa_peer_error(struct homa_peer *peer, u16 port, bool port_only, u32 since)
{
	u32 back, known;
	int error = 0;

	spin_lock(&peer->lock);
	known = min_t(u32, peer->num_errors - since, HOMA_PEER_ERRORS);
	for (back = 1; back <= known && !error; back++) {
		const struct homa_peer_error *e =
			&peer->errors[(peer->num_errors - back) % HOMA_PEER_ERRORS];

		if (((!e->port && !port_only) || e->port == port) && e->error &&
		    time_before(jiffies, e->at + HOMA_PEER_ERROR_SECS * HZ))
			error = e->error;
	}
	spin_unlock(&peer->lock);
	return error;
}

/* The ids of a host grow; they lie on a ring of HOMA_SEEN_IDS bits. */
static u32 seen_bit(u64 id)
{
	return (id >> 1) % HOMA_SEEN_IDS;
}

/* The range around @id, or the one to be given up for it, emptied. */
static struct homa_seen *seen_range(struct homa_peer *peer, u64 id)
{
	struct homa_seen *oldest = NULL;
	u32 i;

	for (i = 0; i < HOMA_SEEN_RANGES; i++) {
		struct homa_seen *range = &peer->seen[i];

		if (!range->top || seen_expired(peer, range)) {
			WRITE_ONCE(range->top, 0);
			oldest = range;
		} else if (id < range->top + 2 * HOMA_SEEN_IDS &&
			   range->top < id + 2 * HOMA_SEEN_IDS) {
			return range;
		} else if (!oldest || (oldest->top && time_before(range->used, oldest->used))) {
			oldest = range;
		}
	}
	bitmap_zero(oldest->ids, HOMA_SEEN_IDS);
	WRITE_ONCE(oldest->top, id);
	return oldest;
}

void homa_peer_mark_seen(struct homa_peer *peer, u64 id)
{
	struct homa_seen *range;

	spin_lock(&peer->lock);
	range = seen_range(peer, id);
	/* Ids that enter the range are not over. */
	while (range->top < id) {
		WRITE_ONCE(range->top, range->top + 2);
		__clear_bit(seen_bit(range->top), range->ids);
	}
	__set_bit(seen_bit(id), range->ids);
	WRITE_ONCE(range->used, jiffies);
	spin_unlock(&peer->lock);
}

bool homa_peer_seen(struct homa_peer *peer, u64 id)
{
	bool seen = false;
	u32 i;

	for (i = 0; i < HOMA_SEEN_RANGES && !seen; i++) {
		struct homa_seen *range = &peer->seen[i];

		/* The common request is newer than all that are over. */
		if (id > READ_ONCE(range->top))
			continue;
		spin_lock(&peer->lock);
		seen = id <= range->top && range->top - id < 2 * HOMA_SEEN_IDS &&
		       !seen_expired(peer, range) && test_bit(seen_bit(id), range->ids);
		spin_unlock(&peer->lock);
	}
	return seen;
}

u8 homa_peer_unsched_level(const struct homa_peer *peer, u32 length)
{
	int level = READ_ONCE(peer->key.hnet->tun.num_priorities) - 1;

	while (level > 0 && READ_ONCE(peer->cutoffs[level]) < length)
		level--;
	return level;
}

void homa_peer_net_exit(struct homa_net *hnet)
{
	struct homa_peer *peer, *next;

	spin_lock_bh(&hnet->peer_lock);
	list_for_each_entry_safe(peer, next, &hnet->peers, net_link)
		unlink_peer(hnet, peer);
	spin_unlock_bh(&hnet->peer_lock);
}

int homa_peer_table_init(void)
{
	return rhashtable_init(&peer_table, &peer_params);
}

void homa_peer_table_exit(void)
{
	rhashtable_destroy(&peer_table);
}

/**
 * homa_icmp() - the network cannot deliver our packets
 * @hnet: namespace.
 * @addr: where to.
 * @sport: our port, which must be in use: it is not easily guessed.
 * @dport: port there, or 0: the whole host is concerned.
 * @error: errno for clients, negative.
 *
 * Constant time: the next tick looks which RPCs are concerned.
 */
void homa_icmp(struct homa_net *hnet, const struct in6_addr *addr, u16 sport, u16 dport, int error)
{
	struct homa_sock *hsk = homa_sock_find(hnet, sport);
	struct homa_peer *peer;

	if (!hsk)
		return;
	homa_sock_put(hsk);
	peer = homa_peer_find(hnet, addr);
	if (!peer)
		return;
	homa_peer_note_error(peer, dport, error);
	homa_peer_put(peer);
}
