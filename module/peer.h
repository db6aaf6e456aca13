/* SPDX-License-Identifier: GPL-2.0-only */
/* Remote hosts: routes, acknowledgements to deliver, requests already served. */
#ifndef _HOMA_PEER_H
#define _HOMA_PEER_H

#include <linux/in6.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/ip.h>
#include <linux/rbtree.h>
#include <net/flow.h>
#include <net/ipv6.h>
#include "net.h"
#include "wire.h"

struct dst_entry;

/* Finished requests remembered per peer: this many ids up to the latest, around
 * two places, so that one strange id does not make the usual ones forgotten.
 */
#define HOMA_SEEN_IDS 4096
#define HOMA_SEEN_RANGES 2

/**
 * struct homa_route - how packets get to a peer; replaced, never changed
 * @rcu: frees it.
 * @dst: route.
 * @cookie: tells whether @dst is still valid.
 * @sure_bytes: payload that fits into a packet whatever the path's MTU is.
 * @fl: addresses of the packets.
 */
struct homa_route {
	struct rcu_head rcu;
	struct dst_entry *dst;
	u32 cookie;
	u32 sure_bytes;
	struct flowi fl;
};

/* Errors of a peer that RPCs have time to notice, and seconds for which they
 * explain a silence: hosts send few of them.
 */
#define HOMA_PEER_ERRORS 4
#define HOMA_PEER_ERROR_SECS 2

/**
 * struct homa_peer_error - what ICMP said of a peer
 * @at: jiffies.
 * @error: errno for clients, negative.
 * @port: port concerned, 0: all.
 */
struct homa_peer_error {
	unsigned long at;
	int error;
	u16 port;
};

struct homa_grant_queue;

/**
 * struct homa_peer_grants - messages of a peer that need grants
 * @node: entry of queue->peers, empty while none of them can be granted.
 * @messages: those that can be, best first.
 * @queue: of the device they come through; NULL when none has joined.
 * @joined: messages that have.
 */
struct homa_peer_grants {
	struct rb_node node;
	struct rb_root_cached messages;
	struct homa_grant_queue *queue;
	u32 joined;
};

struct homa_peer_key {
	struct in6_addr addr; /* IPv4 addresses are mapped */
	struct homa_net *hnet;
};

/**
 * struct homa_seen - requests of a peer that are over, ids near each other
 * @top: highest of them, 0: none.
 * @used: jiffies when one was added.
 * @ids: bit (id / 2) % HOMA_SEEN_IDS: that request is over.
 */
struct homa_seen {
	u64 top;
	unsigned long used;
	DECLARE_BITMAP(ids, HOMA_SEEN_IDS);
};

/**
 * struct homa_peer - a remote host as one namespace sees it
 * @node: entry of the table of all peers.
 * @key: address and namespace.
 * @refs: the table holds one.
 * @rcu: frees it.
 * @net_link: entry in hnet->peers.
 * @used: jiffies of the last look-up.
 * @heard: jiffies when the peer last answered something of ours.
 * @known: it has answered a request of ours, whose id is not to be guessed;
 *	anybody can invent others.
 * @route: current route.
 * @cutoffs: longest message of each unscheduled level, as the peer told.
 * @cutoff_version: of @cutoffs; 0 before it told any.
 * @cutoffs_told: jiffies when the peer was last told ours.
 * @num_errors: errors noted so far.
 * @errors_over: those before are; the peer has answered since.
 * @grants: scheduling of its messages, protected by hnet->grant_lock.
 * @lock: protects what follows, the replacement of @route, and writers of
 *	@num_errors.
 * @errors: the last of them, in the order of their numbers.
 * @num_acks: entries of @acks.
 * @acks: RPCs of ours at this server that are over.
 * @seen: finished requests.
 */
struct homa_peer {
	struct rhash_head node;
	struct homa_peer_key key;
	refcount_t refs;
	struct rcu_head rcu;
	struct list_head net_link;
	unsigned long used;
	unsigned long heard;
	bool known;
	struct homa_route __rcu *route;
	u32 cutoffs[HOMA_MAX_PRIORITIES];
	u16 cutoff_version;
	unsigned long cutoffs_told;
	u32 num_errors;
	u32 errors_over;

	struct homa_peer_grants grants;

	spinlock_t lock;
	struct homa_peer_error errors[HOMA_PEER_ERRORS];
	u32 num_acks;
	struct homa_wire_ack acks[HOMA_MAX_ACKS];
	struct homa_seen seen[HOMA_SEEN_RANGES];
};

static inline bool homa_peer_is_v4(const struct homa_peer *peer)
{
	return ipv6_addr_v4mapped(&peer->key.addr);
}

/* Bytes of the IP header of packets to @peer. */
static inline u32 homa_peer_ip_bytes(const struct homa_peer *peer)
{
	return homa_peer_is_v4(peer) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

struct homa_peer *homa_peer_get(struct homa_net *hnet, const struct in6_addr *addr, gfp_t gfp);
/* The peer if there is one, with a reference, or NULL. */
struct homa_peer *homa_peer_find(struct homa_net *hnet, const struct in6_addr *addr);
void homa_peer_put(struct homa_peer *peer);

/* Hosts that found no place since the last call, if there still is none. */
u32 homa_peer_refused(struct homa_net *hnet);

/* The next host that finds no place looks here first. The caller has a reference. */
void homa_peer_offer(struct homa_peer *peer);

/* The same, for users that mostly mean the same peer as before: *@recent, which
 * has a reference of its own.
 */
struct homa_peer *homa_peer_get_recent(struct homa_peer __rcu **recent, struct homa_net *hnet,
				       const struct in6_addr *addr, gfp_t gfp);

/*
 * Valid route to @peer, or an ERR_PTR. Under rcu_read_lock(), valid as long as
 * that is.
 */
struct homa_route *homa_peer_route(struct homa_peer *peer);

/*
 * Route of a socket's own, which has a device or a mark: the others share their
 * peer's. @dst of it is the caller's to release. Return: 0 or an errno.
 */
int homa_peer_sock_route(struct homa_peer *peer, const struct sock *sk, struct homa_route *route);

/* A packet of ours has reached @peer, which has answered it. */
static inline void homa_peer_heard(struct homa_peer *peer)
{
	WRITE_ONCE(peer->heard, jiffies);
}

/* Notes that RPC @id of ours at @port of @peer is over. Return: false, and nothing
 * was noted, when the list is full.
 */
bool homa_peer_add_ack(struct homa_peer *peer, u64 id, u16 port);

/* Takes up to @max noted acks out. Return: their number. */
u32 homa_peer_take_acks(struct homa_peer *peer, struct homa_wire_ack *acks, u32 max);

/* Notes that @port of @peer, or with 0 all of it, cannot be reached. */
void homa_peer_note_error(struct homa_peer *peer, u16 port, int error);

/* Errno of the latest error of @port or, unless @port_only, of the whole host,
 * not older than HOMA_PEER_ERROR_SECS, from number @since on, or 0. Softirqs
 * are off.
 */
int homa_peer_error(struct homa_peer *peer, u16 port, bool port_only, u32 since);

/* Remembers that the request with our id @id is over. Softirqs are off. */
void homa_peer_mark_seen(struct homa_peer *peer, u64 id);

/* True if the request with our id @id is known to be over. Softirqs are off. */
bool homa_peer_seen(struct homa_peer *peer, u64 id);

/* Level of unscheduled packets of messages of @length bytes. */
u8 homa_peer_unsched_level(const struct homa_peer *peer, u32 length);

/* Forgets all peers of a namespace that has no sockets any more. */
void homa_peer_net_exit(struct homa_net *hnet);
int homa_peer_table_init(void);
void homa_peer_table_exit(void);

void homa_icmp(struct homa_net *hnet, const struct in6_addr *addr, u16 sport, u16 dport, int error);

#endif /* _HOMA_PEER_H */
