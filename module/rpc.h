/* SPDX-License-Identifier: GPL-2.0-only */
/* RPCs: identity, state, look-up, lifetime. */
#ifndef _HOMA_RPC_H
#define _HOMA_RPC_H

#include <linux/llist.h>
#include <linux/rbtree.h>
#include <linux/skbuff.h>
#include "gap.h"
#include "grant_order.h"
#include "pace_order.h"
#include "peer.h"
#include "pool.h"
#include "sock.h"
#include "tracing.h"
#include "txmsg.h"
#include "wire.h"

/**
 * enum homa_rpc_state - where an RPC is
 * @HOMA_RPC_OUTGOING: client: no response yet; server: reply being sent or
 *	not acknowledged.
 * @HOMA_RPC_INCOMING: client: response, server: request arrives.
 * @HOMA_RPC_IN_SERVICE: server: the application has the request.
 * @HOMA_RPC_DEAD: unlinked; memory goes with the last reference.
 */
enum homa_rpc_state {
	HOMA_RPC_OUTGOING,
	HOMA_RPC_INCOMING,
	HOMA_RPC_IN_SERVICE,
	HOMA_RPC_DEAD,
};

/**
 * struct homa_rpc_bucket - chain of the table of RPCs
 * @lock: protects the chain and every RPC in it: looking an RPC up and locking
 *	it are one step, so that a found RPC cannot die in between.
 * @chain: RPCs.
 */
struct homa_rpc_bucket {
	spinlock_t lock;
	struct hlist_head chain;
};

/**
 * struct homa_rpc_tx - outgoing message
 * @msg: its bytes.
 * @length: bytes of it, 0: there is none.
 * @unsched: bytes sent without a grant.
 * @granted: bytes that may be sent.
 * @ready: bytes the application's thread has copied.
 * @sent: bytes given to IP at least once.
 * @level: of scheduled packets.
 * @active: a thread is sending and will look at @granted again.
 * @done_ticks: ticks since a reply was sent as far as granted, or asked for.
 */
struct homa_rpc_tx {
	struct homa_txmsg msg;
	u32 length;
	u32 unsched;
	u32 granted;
	u32 ready;
	u32 sent;
	u8 level;
	bool active;
	u32 done_ticks;
};

/**
 * struct homa_rpc_rx - incoming message
 * @length: bytes of it, 0: unknown.
 * @missing: bytes not received.
 * @granted: bytes the sender may send.
 * @gaps: what was received; NULL for messages of one packet.
 * @queue: packets not copied out, protected by the lock of the RPC.
 * @queued: bytes of the message in it.
 * @num_bpages: entries of @bpages, 0: no space yet.
 * @bpages: where the message goes.
 */
struct homa_rpc_rx {
	u32 length;
	u32 missing;
	u32 granted;
	struct homa_gaps *gaps;
	struct sk_buff_head queue;
	u32 queued;
	u32 num_bpages;
	u32 bpages[HOMA_MAX_BPAGES];
};

/**
 * struct homa_rpc_grant - place among the messages that need grants; protected
 * by hnet->grant_lock, @managed and whether @node is empty by that of the RPC
 * @node: entry of peer->grants.messages, empty while it is not granted.
 * @age_link: entry of queue->ages.
 * @rank: place in it.
 * @length: bytes of the message.
 * @granted: bytes of it granted.
 * @incoming: bytes counted in queue->total_incoming.
 * @asked: bytes of it still unreceived when they were asked for early, 0: never.
 * @managed: is in a queue.
 */
struct homa_rpc_grant {
	struct rb_node node;
	struct list_head age_link;
	struct homa_grant_rank rank;
	u32 length;
	u32 granted;
	u32 incoming;
	u32 asked;
	bool managed;
};

struct homa_link;

/**
 * struct homa_rpc_pace - place among the messages that wait for a link
 * @node: entry of link->shortest.
 * @age_link: entry of link->oldest.
 * @rank: place in both; @birth_ns 0: has not waited yet.
 * @link: where it waits, NULL: nowhere. Written under the lock of the link, set
 *	under that of the RPC as well.
 */
struct homa_rpc_pace {
	struct rb_node node;
	struct list_head age_link;
	struct homa_pace_rank rank;
	struct homa_link *link;
};

/* Times of sendmsg that are not recorded yet; 0: none. See folds.h. */
struct homa_send_stamps {
	u32 enter, copied, xmit;
};

/* Those of a request, of which nothing is left when it was sent, and the upper half of @enter. */
struct homa_request_stamps {
	struct homa_send_stamps send;
	u32 high;
};

/**
 * enum homa_trace_owner - who notes times in a struct homa_rpc_trace
 * @HOMA_TRACE_NOBODY: whoever holds the locks of the RPC and its socket.
 * @HOMA_TRACE_THREAD: one that receives the message; no lock needed.
 * @HOMA_TRACE_DONE: all is recorded.
 */
enum homa_trace_owner {
	HOMA_TRACE_NOBODY,
	HOMA_TRACE_THREAD,
	HOMA_TRACE_DONE,
};

/**
 * struct homa_rpc_trace - what is known of an RPC and not recorded yet
 * @image: the next record.
 * @since: client: when sendmsg was entered; server: when recvmsg returned, if that is
 *	recorded; for histograms. Lower half 0: not known.
 * @high: upper half of all times in @image but those of a reply.
 * @enter_high: that of image.enter.
 * @owner: enum homa_trace_owner; a thread that replies owns it, too.
 * @orphan: the RPC ended while a thread owned it: who frees it records what is left.
 */
struct homa_rpc_trace {
	struct homa_tt_image image;
	struct tt_time since;
	u32 high;
	u32 enter_high;
	u8 owner;
	bool orphan;
};

/**
 * struct homa_rpc - one RPC. Protected by the lock of @bucket unless said
 * otherwise; what is set at creation is read without it.
 * @hash_link: entry of @bucket.
 * @bucket: set at creation.
 * @refs: the table holds one.
 * @state: enum homa_rpc_state.
 * @replying: a thread prepares the reply.
 * @is_private: only a recvmsg with this id gets the response.
 * @handed: given to a thread or the ready list, which was not done yet.
 * @response_unsched: most bytes of the response without a grant, as the client
 *	asks, 0: no limit.
 * @silence: ticks since the peer did something.
 * @errors_seen: errors of the peer that do not concern this RPC any more.
 * @seq: place in the socket's list, set at creation.
 * @cookie: of the application, set at creation.
 * @error: errno for recvmsg, negative, or 0.
 * @hsk: socket, with a reference.
 * @peer: other side, with a reference.
 * @waiter: thread that waits for this private RPC.
 * @id: ours, set at creation.
 * @dport: port of the peer, set at creation.
 * @trace: for the flight recorder; its records begin with @id and @dport.
 * @tx: outgoing message.
 * @rx: incoming message.
 * @grant: scheduling of @rx.
 * @pace: scheduling of @tx.
 * @sock_link: entry of hsk->rpcs, under hsk->lock.
 * @ready_link: entry of hsk->ready, under hsk->lock.
 * @buf_link: entry of hsk->buf_waiters, under hsk->lock.
 * @dead_link: entry of hnet->dead.
 * @tiny: bytes of a tiny @tx.
 */
struct homa_rpc {
	struct hlist_node hash_link;
	struct homa_rpc_bucket *bucket;
	refcount_t refs;
	u8 state;
	bool replying;
	bool is_private;
	bool handed;
	u16 response_unsched;
	u32 silence;
	u32 errors_seen;
	u64 seq;
	u64 cookie;
	int error;
	struct homa_sock *hsk;
	struct homa_peer *peer;
	struct homa_waiter *waiter;
	union {
		struct {
			u64 id;
			u16 dport;
		};
		struct homa_rpc_trace trace;
	};
	struct homa_rpc_tx tx;
	/* Not cleared as a whole for each RPC, see new_rpc(). */
	struct homa_rpc_rx rx;
	struct homa_rpc_grant grant;
	struct homa_rpc_pace pace;
	struct list_head sock_link;
	struct list_head ready_link;
	struct list_head buf_link;
	struct llist_node dead_link;
	u8 tiny[HOMA_TINY_MESSAGE];
};

/*
 * The lock of an RPC passes from function to function: a look-up takes it if it
 * finds one, ending the RPC lets it go. That is beyond sparse, which counts for
 * each function: these two leave its count alone. Lockdep follows the lock.
 */
static inline void homa_bucket_lock(struct homa_rpc_bucket *bucket)
{
	spin_lock_bh(&bucket->lock);
	__release(&bucket->lock);
}

static inline void homa_bucket_unlock(struct homa_rpc_bucket *bucket)
{
	__acquire(&bucket->lock);
	spin_unlock_bh(&bucket->lock);
}

static inline void homa_rpc_lock(struct homa_rpc *rpc)
{
	homa_bucket_lock(rpc->bucket);
}

static inline void homa_rpc_unlock(struct homa_rpc *rpc)
{
	homa_bucket_unlock(rpc->bucket);
}

/* Softirqs are off as well: locks that nest inside need not do that again. */
#define homa_rpc_assert_locked(rpc) lockdep_assert_held(&(rpc)->bucket->lock)

static inline void homa_rpc_hold(struct homa_rpc *rpc)
{
	refcount_inc(&rpc->refs);
}

/* Drops a reference. No lock of Homa held. */
void homa_rpc_put(struct homa_rpc *rpc);

static inline bool homa_rpc_is_client(const struct homa_rpc *rpc)
{
	return homa_is_client(rpc->id);
}

/* Received completely; maybe not copied out yet. */
static inline bool homa_rpc_received(const struct homa_rpc *rpc)
{
	return rpc->rx.length && !rpc->rx.missing;
}

struct homa_rpc *homa_rpc_new_client(struct homa_sock *hsk, struct homa_peer *peer, u16 dport);
int homa_rpc_insert(struct homa_rpc *rpc);
struct homa_rpc *homa_rpc_find_client(struct homa_sock *hsk, u64 id);
struct homa_rpc *homa_rpc_find_server(struct homa_sock *hsk, const struct in6_addr *addr, u64 id);
struct homa_rpc *homa_rpc_find_or_new_server(struct homa_sock *hsk, const struct in6_addr *addr,
					     const struct homa_wire_view *view,
					     enum homa_drop_reason *why);
bool homa_rpc_add_gaps(struct homa_rpc *rpc, u32 length);
struct homa_rpc *homa_rpc_next(struct homa_sock *hsk, struct homa_rpc *prev);
bool homa_rpc_end(struct homa_rpc *rpc);

/* Ends a locked RPC, unlocks it and lets the table's reference go. */
static inline void homa_rpc_end_unlock(struct homa_rpc *rpc)
{
	bool was_alive = homa_rpc_end(rpc);

	homa_rpc_unlock(rpc);
	if (was_alive)
		homa_rpc_put(rpc);
}

/* @leave_grants, @leave_pacer: take an RPC that ends, and is there, out. */
int homa_rpc_table_init(void (*leave_grants)(struct homa_rpc *rpc),
			void (*leave_pacer)(struct homa_rpc *rpc));
void homa_rpc_table_exit(void);
void homa_rpc_net_init(struct homa_net *hnet);

#endif /* _HOMA_RPC_H */
