// SPDX-License-Identifier: GPL-2.0-only
/* Sockets: ports, lookup and limits. */

#include <linux/hash.h>
#include <linux/rculist.h>
#include <linux/rculist_nulls.h>
#include <linux/sched/signal.h>
#include <net/inet_common.h>
#include <net/transp_v6.h>
#include "peer.h"
#include "pool.h"
#include "sock.h"
#include "txmsg.h"

#define HOMA_PORT_BITS 10
#define HOMA_PORT_BUCKETS (1 << HOMA_PORT_BITS)

/* All namespaces share one table. A bucket ends in its own number, so that a
 * reader notices when rebinding carried it into another chain.
 */
static struct hlist_nulls_head *port_table;

/* Protects the chains; nests inside the sock_lock of a namespace. */
static DEFINE_SPINLOCK(port_lock);

static u32 port_bucket(const struct homa_net *hnet, u16 port)
{
	return hash_32(port ^ net_hash_mix(hnet->net), HOMA_PORT_BITS);
}

/* Memory of a closed socket may be another socket at once: look, take a
 * reference, look again.
 */
struct homa_sock *homa_sock_find(struct homa_net *hnet, u16 port)
{
	u32 bucket = port_bucket(hnet, port);
	struct hlist_nulls_node *node;
	struct sock *sk;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "socket looked for outside of an RCU section");
again:
	sk_nulls_for_each_rcu(sk, node, &port_table[bucket]) {
		struct homa_sock *hsk = homa_sk(sk);

		if (READ_ONCE(hsk->port) != port || READ_ONCE(hsk->hnet) != hnet ||
		    !refcount_inc_not_zero(&sk->sk_refcnt))
			continue;
		/* pairs with set_port(): the namespace is of this port */
		if (likely(smp_load_acquire(&hsk->port) == port && READ_ONCE(hsk->hnet) == hnet))
			return hsk;
		sock_put(sk);
		goto again;
	}
	if (get_nulls_value(node) != bucket)
		goto again;
	return NULL;
}

struct homa_sock *homa_sock_next(struct homa_net *hnet, struct homa_sock *prev)
{
	struct homa_sock *hsk;

	spin_lock_bh(&hnet->sock_lock);
	if (prev && !list_empty(&prev->net_link)) {
		hsk = list_next_entry(prev, net_link);
	} else {
		list_for_each_entry(hsk, &hnet->socks, net_link) {
			if (!prev || hsk->net_seq > prev->net_seq)
				break;
		}
	}
	/* Listed sockets have not been closed, so they have references. */
	if (list_entry_is_head(hsk, &hnet->socks, net_link))
		hsk = NULL;
	else
		sock_hold(homa_to_sk(hsk));
	spin_unlock_bh(&hnet->sock_lock);
	if (prev)
		homa_sock_put(prev);
	return hsk;
}

static void set_port(struct homa_sock *hsk, u16 port)
{
	struct hlist_nulls_node *node = &homa_to_sk(hsk)->sk_nulls_node;
	struct inet_sock *inet = &hsk->inet;

	lockdep_assert_held(&hsk->hnet->sock_lock);
	spin_lock(&port_lock);
	hlist_nulls_del_init_rcu(node);
	/* The rest of the socket is valid for whoever sees the port. */
	smp_store_release(&hsk->port, port);
	if (port)
		hlist_nulls_add_head_rcu(node, &port_table[port_bucket(hsk->hnet, port)]);
	spin_unlock(&port_lock);
	WRITE_ONCE(inet->inet_num, port);
	inet->inet_sport = htons(port);
}

static bool port_taken(struct homa_net *hnet, u16 port)
{
	struct homa_sock *hsk;

	/* With the lock nobody can close it, so this is not its last reference. */
	lockdep_assert_held(&hnet->sock_lock);
	rcu_read_lock();
	hsk = homa_sock_find(hnet, port);
	rcu_read_unlock();
	if (hsk)
		homa_sock_put(hsk);
	return hsk;
}

/* Automatic ports are handed out in turn. Return: 0 when all are taken. */
static u16 pick_port(struct homa_net *hnet)
{
	u32 tries;

	for (tries = 0; tries < 65536 - HOMA_MIN_DEFAULT_PORT; tries++) {
		u16 port = hnet->next_port;

		hnet->next_port = port == 65535 ? HOMA_MIN_DEFAULT_PORT : port + 1;
		if (!port_taken(hnet, port))
			return port;
	}
	return 0;
}

static void homa_sock_destruct(struct sock *sk)
{
	struct homa_peer *peer = rcu_dereference_protected(homa_sk(sk)->recent_peer, true);

	if (peer)
		homa_peer_put(peer);
	homa_txmsg_free_spares(homa_sk(sk));
	kfree(homa_sk(sk)->spare_rpc);
	homa_pool_free(homa_sk(sk)->pool);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		inet6_sock_destruct(sk);
		return;
	}
#endif
	inet_sock_destruct(sk);
}

/**
 * homa_sock_init() - make a new socket usable
 * @hsk: socket, with what the core initialises.
 *
 * Return: 0 or an errno.
 */
int homa_sock_init(struct homa_sock *hsk)
{
	struct sock *sk = homa_to_sk(hsk);
	struct homa_net *hnet = homa_net(sock_net(sk));
	u16 port;

	hsk->hnet = hnet;
	hsk->is_server = false;
	hsk->shutdown = true;
	INIT_LIST_HEAD(&hsk->net_link);
	hsk->error_msg = "";
	hsk->want_wmem = 0;
	RCU_INIT_POINTER(hsk->recent_peer, NULL);
	hsk->wait_average_ns = 0;
	hsk->spare_rpc = NULL;
	hsk->pool = NULL;
	spin_lock_init(&hsk->lock);
	INIT_LIST_HEAD(&hsk->rpcs);
	hsk->num_rpcs = 0;
	hsk->num_server_rpcs = 0;
	hsk->next_seq = 0;
	INIT_LIST_HEAD(&hsk->ready);
	INIT_LIST_HEAD(&hsk->waiters);
	hsk->num_held = 0;
	INIT_LIST_HEAD(&hsk->held_link);
	INIT_LIST_HEAD(&hsk->buf_waiters);
	INIT_LIST_HEAD(&hsk->spare_chunks);
	hsk->num_spare_chunks = 0;
	hsk->bundle.first = NULL;

	sk->sk_destruct = homa_sock_destruct;
	WRITE_ONCE(sk->sk_sndbuf, READ_ONCE(hnet->tun.wmem_max));
	/* Grants bound the payload under way; packets take several times that. */
	WRITE_ONCE(sk->sk_rcvbuf, max_t(int, sk->sk_rcvbuf, 8 * READ_ONCE(hnet->tun.max_incoming)));

	spin_lock_bh(&hnet->sock_lock);
	port = pick_port(hnet);
	if (port) {
		hsk->shutdown = false;
		hsk->net_seq = ++hnet->next_sock_seq;
		list_add_tail(&hsk->net_link, &hnet->socks);
		set_port(hsk, port);
		sock_prot_inuse_add(hnet->net, sk->sk_prot, 1);
	}
	spin_unlock_bh(&hnet->sock_lock);
	return port ? 0 : -EADDRNOTAVAIL;
}

bool homa_sock_close(struct homa_sock *hsk)
{
	struct homa_net *hnet = hsk->hnet;
	bool first;

	spin_lock_bh(&hsk->lock);
	first = !hsk->shutdown;
	WRITE_ONCE(hsk->shutdown, true);
	spin_unlock_bh(&hsk->lock);
	if (!first)
		return false;

	spin_lock_bh(&hnet->sock_lock);
	list_del_init(&hsk->net_link);
	set_port(hsk, 0);
	sock_prot_inuse_add(hnet->net, homa_to_sk(hsk)->sk_prot, -1);
	spin_unlock_bh(&hnet->sock_lock);
	return true;
}

/**
 * homa_sock_bind() - give a socket a well-known port and let it serve
 * @hsk: socket.
 * @port: 1 to HOMA_MIN_DEFAULT_PORT - 1.
 *
 * Return: 0, -EADDRINUSE or -ESHUTDOWN.
 */
int homa_sock_bind(struct homa_sock *hsk, u16 port)
{
	struct homa_net *hnet = hsk->hnet;
	int err = 0;

	spin_lock_bh(&hnet->sock_lock);
	if (READ_ONCE(hsk->shutdown)) {
		err = -ESHUTDOWN;
	} else if (port != hsk->port) {
		if (port_taken(hnet, port))
			err = -EADDRINUSE;
		else
			set_port(hsk, port);
	}
	if (!err)
		WRITE_ONCE(hsk->is_server, true);
	spin_unlock_bh(&hnet->sock_lock);
	return err;
}

void homa_sock_uncharge(struct homa_sock *hsk, u32 bytes)
{
	struct sock *sk = homa_to_sk(hsk);
	struct socket_wq *wq;

	WARN_ON_ONCE(refcount_sub_and_test(bytes, &sk->sk_wmem_alloc));
	/* Pairs with the barrier of those who set want_wmem and look again. */
	smp_mb__after_atomic();
	if (likely(!READ_ONCE(hsk->want_wmem)) || !homa_sock_writable(hsk))
		return;
	WRITE_ONCE(hsk->want_wmem, 0);
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM);
	rcu_read_unlock();
}

static bool may_send(struct homa_sock *hsk)
{
	if (READ_ONCE(hsk->shutdown) || homa_sock_writable(hsk))
		return true;
	WRITE_ONCE(hsk->want_wmem, 1);
	smp_mb(); /* see homa_sock_uncharge() */
	return homa_sock_writable(hsk);
}

int homa_sock_wait_wmem(struct homa_sock *hsk, bool nonblock)
{
	struct sock *sk = homa_to_sk(hsk);
	long timeo;

	timeo = sock_sndtimeo(sk, nonblock);
	if (!timeo)
		return -EAGAIN;
	timeo = wait_event_interruptible_timeout(*sk_sleep(sk), may_send(hsk), timeo);
	if (timeo < 0)
		return -EINTR;
	if (READ_ONCE(hsk->shutdown))
		return -ESHUTDOWN;
	return timeo ? 0 : -EAGAIN;
}

int homa_sock_table_init(void)
{
	u32 i;

	port_table = kvmalloc_array(HOMA_PORT_BUCKETS, sizeof(*port_table), GFP_KERNEL);
	if (!port_table)
		return -ENOMEM;
	for (i = 0; i < HOMA_PORT_BUCKETS; i++)
		INIT_HLIST_NULLS_HEAD(&port_table[i], i);
	return 0;
}

void homa_sock_table_exit(void)
{
	kvfree(port_table);
}
