// SPDX-License-Identifier: GPL-2.0-only
/* RPCs: identity, look-up, lifetime. */

#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "folds.h"

/* One table for all namespaces: an idle socket costs nothing. */
#define HOMA_RPC_BITS 13
#define HOMA_RPC_BUCKETS (1 << HOMA_RPC_BITS)

/* More RPCs of clients than this in one bucket are refused: walks stay short. */
#define HOMA_MAX_CHAIN 512

/* Freed at once below this; the rest is left to process context. */
#define HOMA_FREE_SKBS 16

static struct homa_rpc_bucket *rpc_table;
static struct kmem_cache *rpc_cache;
static struct kmem_cache *gaps_cache;

/*
 * Secret factors of a multilinear hash of 32-bit words: whatever ids and
 * addresses peers choose, two of them fall into one bucket with a probability
 * of about 1 / HOMA_RPC_BUCKETS.
 */
static u64 hash_factor[6] __ro_after_init;

static atomic64_t next_id;
static void (*rpc_leave_grants)(struct homa_rpc *rpc);
static void (*rpc_leave_pacer)(struct homa_rpc *rpc);

/* @addr: of the client, for ids of other hosts. */
static struct homa_rpc_bucket *find_bucket(u64 id, const struct in6_addr *addr)
{
	u64 sum = lower_32_bits(id) * hash_factor[0] + upper_32_bits(id) * hash_factor[1];
	u32 i;

	for (i = 0; addr && i < 4; i++)
		sum += (__force u32)addr->s6_addr32[i] * hash_factor[2 + i];
	return &rpc_table[sum >> (64 - HOMA_RPC_BITS)];
}

/* Memory for a peer's sake, charged to the cgroup that made the socket. */
static void *alloc_for(struct homa_sock *hsk, struct kmem_cache *cache)
{
	struct mem_cgroup *memcg = homa_sock_memcg(hsk), *old;
	void *memory;

	if (likely(!memcg))
		return kmem_cache_alloc(cache, GFP_ATOMIC);
	old = set_active_memcg(memcg);
	memory = kmem_cache_alloc(cache, GFP_ATOMIC | __GFP_ACCOUNT);
	set_active_memcg(old);
	return memory;
}

static struct homa_rpc *take_spare(struct homa_sock *hsk)
{
	return READ_ONCE(hsk->spare_rpc) ? xchg(&hsk->spare_rpc, NULL) : NULL;
}

/* In pieces that compilers write out: a call of memset() takes longer. */
static __always_inline void clear_head(struct homa_rpc *rpc)
{
	u32 at;

	BUILD_BUG_ON(offsetof(struct homa_rpc, rx) % 8);
	for (at = 0; at < offsetof(struct homa_rpc, rx); at += 8)
		*(u64 *)((u8 *)rpc + at) = 0;
}

/* @rpc: its memory, or NULL. */
static struct homa_rpc *new_rpc(struct homa_sock *hsk, struct homa_peer *peer, u16 dport,
				struct homa_rpc *rpc)
{
	if (!rpc)
		return NULL;
	clear_head(rpc);
	rpc->rx.length = 0;
	rpc->rx.missing = 0;
	rpc->rx.granted = 0;
	rpc->rx.gaps = NULL;
	rpc->rx.queued = 0;
	rpc->rx.num_bpages = 0;
	rpc->grant.managed = false;
	rpc->pace.rank.birth_ns = 0;
	rpc->pace.link = NULL;
	refcount_set(&rpc->refs, 1);
	rpc->dport = dport;
	rpc->hsk = hsk;
	rpc->peer = peer;
	rpc->errors_seen = READ_ONCE(peer->num_errors);
	return rpc;
}

/* Lists are empty again when an RPC is freed. */
static void construct_rpc(void *object)
{
	struct homa_rpc *rpc = object;

	INIT_LIST_HEAD(&rpc->sock_link);
	INIT_LIST_HEAD(&rpc->ready_link);
	INIT_LIST_HEAD(&rpc->buf_link);
	__skb_queue_head_init(&rpc->rx.queue);
}

/**
 * homa_rpc_new_client() - start an RPC; nobody can find it yet
 * @hsk: socket.
 * @peer: server; its reference goes to the RPC on success.
 * @dport: port at the server.
 *
 * Return: the RPC, to be inserted or put, or NULL.
 */
struct homa_rpc *homa_rpc_new_client(struct homa_sock *hsk, struct homa_peer *peer, u16 dport)
{
	struct homa_rpc *rpc = new_rpc(hsk, peer, dport,
				       take_spare(hsk) ?:
				       kmem_cache_alloc(rpc_cache, GFP_KERNEL_ACCOUNT));

	if (!rpc)
		return NULL;
	sock_hold(homa_to_sk(hsk));
	rpc->state = HOMA_RPC_OUTGOING;
	rpc->id = atomic64_add_return(2, &next_id);
	rpc->bucket = find_bucket(rpc->id, NULL);
	return rpc;
}

/* Links a new RPC, whose bucket is locked, to table and socket. */
static int link_rpc(struct homa_rpc *rpc)
{
	struct homa_sock *hsk = rpc->hsk;
	bool server = !homa_rpc_is_client(rpc);

	homa_rpc_assert_locked(rpc);
	spin_lock(&hsk->lock);
	if (hsk->shutdown ||
	    (server &&
	     hsk->num_server_rpcs >= (u32)READ_ONCE(hsk->hnet->tun.max_server_rpcs))) {
		spin_unlock(&hsk->lock);
		return hsk->shutdown ? -ESHUTDOWN : -ENOBUFS;
	}
	if (server)
		sock_hold(homa_to_sk(hsk));
	rpc->seq = hsk->next_seq + 1;
	WRITE_ONCE(hsk->next_seq, rpc->seq);
	list_add_tail(&rpc->sock_link, &hsk->rpcs);
	WRITE_ONCE(hsk->num_rpcs, hsk->num_rpcs + 1);
	WRITE_ONCE(hsk->num_server_rpcs, hsk->num_server_rpcs + server);
	homa_net_tick_needed(hsk->hnet);
	spin_unlock(&hsk->lock);
	hlist_add_head(&rpc->hash_link, &rpc->bucket->chain);
	return 0;
}

/**
 * homa_rpc_insert() - let others find a new client RPC
 * @rpc: RPC; the caller's reference becomes the table's.
 *
 * Return: 0 with the RPC locked, or an errno.
 */
int homa_rpc_insert(struct homa_rpc *rpc)
{
	int err;

	homa_rpc_lock(rpc);
	err = link_rpc(rpc);
	if (err)
		homa_rpc_unlock(rpc);
	else
		trace_homa_rpc_client(rpc->id, rpc->hsk->port, rpc->dport);
	return err;
}

/* Return: the RPC, locked, or NULL. */
struct homa_rpc *homa_rpc_find_client(struct homa_sock *hsk, u64 id)
{
	struct homa_rpc_bucket *bucket = find_bucket(id, NULL);
	struct homa_rpc *rpc;

	homa_bucket_lock(bucket);
	hlist_for_each_entry(rpc, &bucket->chain, hash_link) {
		if (rpc->id == id && rpc->hsk == hsk)
			return rpc;
	}
	homa_bucket_unlock(bucket);
	return NULL;
}

static struct homa_rpc *find_in(struct homa_rpc_bucket *bucket, struct homa_sock *hsk,
				const struct in6_addr *addr, u64 id)
{
	struct homa_rpc *rpc;

	hlist_for_each_entry(rpc, &bucket->chain, hash_link) {
		if (rpc->id == id && rpc->hsk == hsk && ipv6_addr_equal(&rpc->peer->key.addr, addr))
			return rpc;
	}
	return NULL;
}

/* Return: the RPC of the client at @addr, locked, or NULL. */
struct homa_rpc *homa_rpc_find_server(struct homa_sock *hsk, const struct in6_addr *addr, u64 id)
{
	struct homa_rpc_bucket *bucket = find_bucket(id, addr);
	struct homa_rpc *rpc;

	homa_bucket_lock(bucket);
	rpc = find_in(bucket, hsk, addr, id);
	if (!rpc)
		homa_bucket_unlock(bucket);
	return rpc;
}

static bool chain_full(const struct homa_rpc_bucket *bucket)
{
	struct hlist_node *node;
	u32 length = 0;

	hlist_for_each(node, &bucket->chain)
		length++;
	return unlikely(length >= HOMA_MAX_CHAIN);
}

static struct homa_rpc *new_server(struct homa_sock *hsk, struct homa_rpc_bucket *bucket,
				   const struct in6_addr *addr, const struct homa_wire_view *view,
				   enum homa_drop_reason *why)
{
	struct homa_peer *peer = homa_peer_get_recent(&hsk->recent_peer, hsk->hnet, addr,
						      GFP_ATOMIC);
	struct homa_rpc *rpc = NULL;

	*why = HOMA_DROP_NO_MEMORY;
	if (IS_ERR(peer))
		goto fail;
	if (homa_peer_seen(peer, view->local_id)) {
		*why = HOMA_DROP_FINISHED;
		homa_metric_inc(hsk->hnet, duplicate_requests);
		homa_peer_put(peer);
		return NULL;
	}
	if (!chain_full(bucket))
		rpc = new_rpc(hsk, peer, view->sport, take_spare(hsk) ?: alloc_for(hsk, rpc_cache));
	if (!rpc) {
		homa_peer_put(peer);
		goto fail;
	}
	rpc->state = HOMA_RPC_INCOMING;
	rpc->id = view->local_id;
	rpc->bucket = bucket;
	if (!link_rpc(rpc)) {
		trace_homa_rpc_server(rpc->id, rpc->dport, hsk->port);
		return rpc;
	}
	/* Never shared, so that nothing but memory goes with it. */
	kmem_cache_free(rpc_cache, rpc);
	homa_peer_put(peer);
fail:
	homa_metric_inc(hsk->hnet, server_cant_create_rpcs);
	return NULL;
}

/**
 * homa_rpc_find_or_new_server() - RPC of a DATA packet from a client
 * @hsk: socket.
 * @addr: client.
 * @view: packet.
 * @why: if there is none.
 *
 * Return: the RPC, locked, or NULL.
 */
struct homa_rpc *homa_rpc_find_or_new_server(struct homa_sock *hsk, const struct in6_addr *addr,
					     const struct homa_wire_view *view,
					     enum homa_drop_reason *why)
{
	struct homa_rpc_bucket *bucket = find_bucket(view->local_id, addr);
	struct homa_rpc *rpc;

	homa_bucket_lock(bucket);
	rpc = find_in(bucket, hsk, addr, view->local_id);
	if (!rpc)
		rpc = new_server(hsk, bucket, addr, view, why);
	if (!rpc)
		homa_bucket_unlock(bucket);
	return rpc;
}

/**
 * homa_rpc_add_gaps() - an incoming message has more than one packet
 * @rpc: locked RPC.
 * @length: bytes of the message.
 *
 * Return: false without memory.
 */
bool homa_rpc_add_gaps(struct homa_rpc *rpc, u32 length)
{
	rpc->rx.gaps = alloc_for(rpc->hsk, gaps_cache);
	if (rpc->rx.gaps)
		homa_gaps_init(rpc->rx.gaps, length);
	return rpc->rx.gaps;
}

/**
 * homa_rpc_next() - walk over the RPCs of a socket
 * @hsk: socket.
 * @prev: RPC of the previous step, whose reference is dropped; NULL to begin.
 *
 * RPCs that come or go meanwhile are seen or not; others exactly once.
 *
 * Return: an RPC with a reference, not locked, or NULL at the end.
 */
struct homa_rpc *homa_rpc_next(struct homa_sock *hsk, struct homa_rpc *prev)
{
	struct homa_rpc *rpc;

	spin_lock_bh(&hsk->lock);
	if (prev && !list_empty(&prev->sock_link)) {
		rpc = list_next_entry(prev, sock_link);
	} else {
		list_for_each_entry(rpc, &hsk->rpcs, sock_link) {
			if (!prev || rpc->seq > prev->seq)
				break;
		}
	}
	if (list_entry_is_head(rpc, &hsk->rpcs, sock_link))
		rpc = NULL;
	else
		homa_rpc_hold(rpc);
	spin_unlock_bh(&hsk->lock);
	if (prev)
		homa_rpc_put(prev);
	return rpc;
}

/**
 * homa_rpc_end() - unlink a locked RPC
 * @rpc: RPC.
 *
 * Return: false if that was done before; else the table's reference is the
 * caller's, to be put after unlocking.
 */
bool homa_rpc_end(struct homa_rpc *rpc)
{
	struct homa_sock *hsk = rpc->hsk;
	bool server = !homa_rpc_is_client(rpc);

	homa_rpc_assert_locked(rpc);
	if (rpc->state == HOMA_RPC_DEAD)
		return false;
	/* What no application had may come again. */
	if (server && rpc->state != HOMA_RPC_INCOMING)
		homa_peer_mark_seen(rpc->peer, rpc->id);
	rpc->state = HOMA_RPC_DEAD;
	hlist_del(&rpc->hash_link);
	if (rpc->grant.managed)
		rpc_leave_grants(rpc);
	if (READ_ONCE(rpc->pace.link))
		rpc_leave_pacer(rpc);

	spin_lock(&hsk->lock);
	list_del_init(&rpc->sock_link);
	/* Seldom in one of these. */
	if (unlikely(!list_empty(&rpc->ready_link)))
		list_del_init(&rpc->ready_link);
	if (unlikely(!list_empty(&rpc->buf_link)))
		list_del_init(&rpc->buf_link);
	WRITE_ONCE(hsk->num_rpcs, hsk->num_rpcs - 1);
	WRITE_ONCE(hsk->num_server_rpcs, hsk->num_server_rpcs - server);
	if (rpc->waiter) {
		complete(&rpc->waiter->done);
		rpc->waiter = NULL;
	}
	spin_unlock(&hsk->lock);
	homa_trace_ended(rpc);
	return true;
}

static void free_rpc(struct homa_rpc *rpc)
{
	struct homa_sock *hsk = rpc->hsk;
	struct sk_buff *skb;

	homa_trace_freed(rpc);
	if (rpc->rx.num_bpages)
		homa_pool_unuse(hsk->pool, rpc->rx.bpages, rpc->rx.num_bpages);
	while ((skb = __skb_dequeue(&rpc->rx.queue))) {
		atomic_sub(skb->truesize, &homa_to_sk(hsk)->sk_rmem_alloc);
		/* Received and never given to anybody. */
		kfree_skb(skb);
	}
	if (rpc->rx.gaps)
		kmem_cache_free(gaps_cache, rpc->rx.gaps);
	if (rpc->tx.length)
		homa_txmsg_free(&rpc->tx.msg, hsk, rpc->tiny);
	homa_peer_put(rpc->peer);
	/* Checkers of memory shall see each end of an RPC. */
	if (!IS_ENABLED(CONFIG_KASAN))
		rpc = xchg(&hsk->spare_rpc, rpc);
	if (rpc)
		kmem_cache_free(rpc_cache, rpc);
	sock_put(homa_to_sk(hsk));
}

void homa_rpc_put(struct homa_rpc *rpc)
{
	struct homa_net *hnet = rpc->hsk->hnet;

	if (!refcount_dec_and_test(&rpc->refs))
		return;
	if (in_task() || (skb_queue_len(&rpc->rx.queue) <= HOMA_FREE_SKBS &&
			  !(rpc->tx.length && rpc->tx.msg.chunks))) {
		free_rpc(rpc);
		return;
	}
	homa_metric_inc(hnet, deferred_rpc_reaps);
	if (llist_add(&rpc->dead_link, &hnet->dead))
		queue_work(homa_wq, &hnet->reap_work);
}

static void reap(struct work_struct *work)
{
	struct homa_net *hnet = container_of(work, struct homa_net, reap_work);
	struct homa_rpc *rpc, *next;

	llist_for_each_entry_safe(rpc, next, llist_del_all(&hnet->dead), dead_link) {
		free_rpc(rpc);
		cond_resched();
	}
}

void homa_rpc_net_init(struct homa_net *hnet)
{
	init_llist_head(&hnet->dead);
	INIT_WORK(&hnet->reap_work, reap);
}

int homa_rpc_table_init(void (*leave_grants)(struct homa_rpc *rpc),
			void (*leave_pacer)(struct homa_rpc *rpc))
{
	u32 i;

	rpc_leave_grants = leave_grants;
	rpc_leave_pacer = leave_pacer;
	rpc_cache = kmem_cache_create_usercopy("homa_rpc", sizeof(struct homa_rpc), 0,
					       SLAB_HWCACHE_ALIGN, offsetof(struct homa_rpc, tiny),
					       HOMA_TINY_MESSAGE, construct_rpc);
	rpc_table = kvmalloc_array(HOMA_RPC_BUCKETS, sizeof(*rpc_table), GFP_KERNEL);
	gaps_cache = KMEM_CACHE(homa_gaps, 0);
	if (!rpc_cache || !gaps_cache || !rpc_table) {
		homa_rpc_table_exit();
		return -ENOMEM;
	}
	for (i = 0; i < HOMA_RPC_BUCKETS; i++) {
		spin_lock_init(&rpc_table[i].lock);
		INIT_HLIST_HEAD(&rpc_table[i].chain);
	}
	get_random_bytes(hash_factor, sizeof(hash_factor));
	/* Not guessable, far from wrapping, exact in a double. */
	atomic64_set(&next_id, (get_random_u64() >> 16) & ~1ull);
	return 0;
}

void homa_rpc_table_exit(void)
{
	kvfree(rpc_table);
	kmem_cache_destroy(gaps_cache);
	kmem_cache_destroy(rpc_cache);
}
