/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets: ports, lookup, limits, and who waits on them. */
#ifndef _HOMA_SOCK_H
#define _HOMA_SOCK_H

#include <linux/completion.h>
#include <linux/ipv6.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include "net.h"
#include "tracing.h"
#include "uapi/homa.h"

struct homa_peer;
struct homa_pool;
struct homa_rpc;

/**
 * struct homa_wait_stamps - times of a recvmsg that waits, for traces; lower half 0: none
 * @enter: when it was entered; the upper half is that of the other times, too.
 * @again: lower half of when it began to wait once more.
 * @sleep: of when it went to sleep.
 */
struct homa_wait_stamps {
	struct tt_time enter;
	u32 again;
	u32 sleep;
};

/**
 * struct homa_waiter - a thread inside recvmsg, on its stack
 * @link: entry in homa_sock.waiters, empty when not (any more) there.
 * @done: completed when @rpc was set, or the socket was shut down.
 * @rpc: what the thread was given, with a reference.
 * @task: the thread, valid while it is linked.
 * @stamps: its own; as long as it is linked, of who holds the lock.
 * @since_ns: when it began to wait, 0: that is not measured.
 * @given_ns: when @rpc was set, if it is.
 */
struct homa_waiter {
	struct list_head link;
	struct completion done;
	struct homa_rpc *rpc;
	struct task_struct *task;
	struct homa_wait_stamps *stamps;
	u64 since_ns;
	u64 given_ns;
};

/**
 * struct homa_bundle - packets that are held until others have joined them
 * @first: the first packet, with a list of the others, from the transport header
 *	on; NULL: none are held.
 * @last: the last of them.
 * @id: RPC of the first.
 * @peer: where they go, with a reference.
 * @most_bytes: the most they may be together.
 * @level: of all of them.
 */
struct homa_bundle {
	struct sk_buff *first;
	struct sk_buff *last;
	u64 id;
	struct homa_peer *peer;
	u32 most_bytes;
	u8 level;
};

/**
 * struct homa_sock - a Homa socket
 * @inet: must be first.
 * @hnet: its namespace.
 * @port: local port, 0 after shutdown; written under hnet->sock_lock.
 * @is_server: accepts requests.
 * @shutdown: nothing may be added any more; written under @lock.
 * @net_link: entry in hnet->socks.
 * @net_seq: place in it, set at creation.
 * @error_msg: why the last call failed.
 * @want_wmem: somebody waits for transmit memory.
 * @recent_peer: see homa_peer_get_recent().
 * @wait_average_ns: see wait_adaptive.c.
 * @spare_rpc: memory of one that was freed, for the next, or NULL.
 * @pool: receive region, set once.
 * @lock: protects what follows.
 * @rpcs: live RPCs in the order of their seq.
 * @num_rpcs: length of @rpcs.
 * @num_server_rpcs: those of them that are not ours.
 * @next_seq: for the next RPC.
 * @ready: RPCs that need a thread.
 * @waiters: threads that need an RPC, the latest first.
 * @num_held: RPCs that came while @waiters were not woken, see wait.c.
 * @held_cpu: where that was.
 * @held_link: entry of a list of that CPU, under its lock.
 * @buf_waiters: RPCs without space in the region, short ones first.
 * @spare_chunks: pages of messages that were freed, see txmsg.c.
 * @num_spare_chunks: length of @spare_chunks.
 * @bundle: packets not sent yet, see bundle.c.
 */
struct homa_sock {
	struct inet_sock inet;
	struct homa_net *hnet;
	u16 port;
	bool is_server;
	bool shutdown;
	struct list_head net_link;
	u64 net_seq;
	const char *error_msg;
	int want_wmem;
	struct homa_peer __rcu *recent_peer;
	u64 wait_average_ns;
	struct homa_rpc *spare_rpc;
	struct homa_pool *pool;
	spinlock_t lock;
	struct list_head rpcs;
	u32 num_rpcs;
	u32 num_server_rpcs;
	u64 next_seq;
	struct list_head ready;
	struct list_head waiters;
	u32 num_held;
	int held_cpu;
	struct list_head held_link;
	struct list_head buf_waiters;
	struct list_head spare_chunks;
	u32 num_spare_chunks;
	struct homa_bundle bundle;
};

/* An AF_INET6 socket; the core finds @inet6 by its offset. */
struct homa6_sock {
	struct homa_sock homa;
	struct ipv6_pinfo inet6;
};

static inline struct homa_sock *homa_sk(const struct sock *sk)
{
	return (struct homa_sock *)sk;
}

static inline struct sock *homa_to_sk(struct homa_sock *hsk)
{
	return &hsk->inet.sk;
}

/* Cgroup to charge for kernel memory of the socket, NULL: none. */
static inline struct mem_cgroup *homa_sock_memcg(const struct homa_sock *hsk)
{
#ifdef CONFIG_MEMCG
	if (mem_cgroup_sockets_enabled)
		return hsk->inet.sk.sk_memcg;
#endif
	return NULL;
}

/* Records why a call fails and passes its errno on. */
static inline int homa_sock_error(struct homa_sock *hsk, int err, const char *msg)
{
	WRITE_ONCE(hsk->error_msg, msg);
	return err;
}

int homa_sock_init(struct homa_sock *hsk);

/* Takes the port away and forbids new RPCs. Return: false if it was done before. */
bool homa_sock_close(struct homa_sock *hsk);

int homa_sock_bind(struct homa_sock *hsk, u16 port);

/* Socket with @port, with a reference, or NULL. Under rcu_read_lock(). */
struct homa_sock *homa_sock_find(struct homa_net *hnet, u16 port);

static inline void homa_sock_put(struct homa_sock *hsk)
{
	sock_put(homa_to_sk(hsk));
}

/**
 * homa_sock_next() - walk over the sockets of a namespace
 * @hnet: namespace.
 * @prev: socket of the previous step, whose reference is dropped; NULL to begin.
 *
 * Return: a socket with a reference, or NULL at the end.
 */
struct homa_sock *homa_sock_next(struct homa_net *hnet, struct homa_sock *prev);

/* Half of the receive memory holds packets not copied out; the other half is
 * for what is under way already.
 */
static inline bool homa_sock_rx_full(const struct homa_sock *hsk)
{
	const struct sock *sk = &hsk->inet.sk;

	return atomic_read(&sk->sk_rmem_alloc) > READ_ONCE(sk->sk_rcvbuf) / 2;
}

/* Adds @bytes of transmit memory. */
static inline void homa_sock_charge(struct homa_sock *hsk, u32 bytes)
{
	refcount_add(bytes, &homa_to_sk(hsk)->sk_wmem_alloc);
}

/* Gives them back and wakes senders. */
void homa_sock_uncharge(struct homa_sock *hsk, u32 bytes);

static inline bool homa_sock_writable(struct homa_sock *hsk)
{
	struct sock *sk = homa_to_sk(hsk);

	return sk_wmem_alloc_get(sk) < READ_ONCE(sk->sk_sndbuf);
}

/* Waits until a new message is admitted. Return: 0 or an errno of sendmsg. */
int homa_sock_wait_wmem(struct homa_sock *hsk, bool nonblock);

int homa_sock_table_init(void);
void homa_sock_table_exit(void);

#endif /* _HOMA_SOCK_H */
