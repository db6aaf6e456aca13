// SPDX-License-Identifier: GPL-2.0-only
/*
 * FREEZE. The recorder is the host's, whatever namespace a packet comes to, so
 * only who administers the host decides who may stop it.
 */

#include <linux/capability.h>
#include <linux/inet.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "freeze.h"
#include "outgoing.h"
#include "tracing.h"

#define HOMA_FREEZE_PREFIXES 8

/* FREEZE packets honoured: one in this time, whoever sends them. */
#define HOMA_FREEZE_DISTANCE HZ

/**
 * struct homa_freeze_peers - who may send FREEZE; replaced, never changed
 * @rcu: frees it.
 * @count: entries of @prefix.
 * @prefix: addresses, IPv4 mapped, of which the first @bits count.
 */
struct homa_freeze_peers {
	struct rcu_head rcu;
	u32 count;
	struct {
		struct in6_addr addr;
		u8 bits;
	} prefix[HOMA_FREEZE_PREFIXES];
};

static DEFINE_MUTEX(running_mutex);
static bool running; /* namespaces have our data */
static unsigned long last_freeze; /* jiffies, 0: none yet */

/* A name for a moment, which no other host gives to one. */
static u64 new_capture(void)
{
	return get_random_u64() ?: 1;
}

static int freeze_self(u64 capture)
{
	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	tt_freeze(&homa_tt_client, "homa: asked to freeze", capture);
	return 0;
}

int homa_freeze_self(void)
{
	return freeze_self(0);
}

/* Peers of @hnet with references. Return: their number. */
static u32 collect(struct homa_net *hnet, struct homa_peer **peers, u32 most)
{
	struct homa_peer *peer;
	u32 count = 0;

	spin_lock_bh(&hnet->peer_lock);
	list_for_each_entry(peer, &hnet->peers, net_link) {
		if (count == most)
			break;
		refcount_inc(&peer->refs);
		peers[count++] = peer;
	}
	spin_unlock_bh(&hnet->peer_lock);
	return count;
}

/* A socket to send from: packets need one, and that of the program that was slow may be gone. */
static struct socket *open_sock(struct homa_net *hnet)
{
	struct socket *sock;

	if (!sock_create_kern(hnet->net, PF_INET6, SOCK_DGRAM, IPPROTO_HOMA, &sock) ||
	    !sock_create_kern(hnet->net, PF_INET, SOCK_DGRAM, IPPROTO_HOMA, &sock))
		return sock;
	return NULL;
}

static int tell_peers(struct homa_net *hnet, u64 capture)
{
	u32 most = READ_ONCE(hnet->num_peers), count, i;
	struct homa_peer **peers;
	struct socket *sock;
	struct homa_sock *hsk;

	if (!most)
		return 0;
	sock = open_sock(hnet);
	peers = kvmalloc_array(most, sizeof(*peers), GFP_KERNEL);
	if (!sock || !peers) {
		if (sock)
			sock_release(sock);
		kvfree(peers);
		return -ENOMEM;
	}
	hsk = homa_sk(sock->sk);
	count = collect(hnet, peers, most);
	for (i = 0; i < count; i++) {
		homa_xmit_freeze(hsk, peers[i], capture);
		homa_peer_put(peers[i]);
		cond_resched();
	}
	kvfree(peers);
	sock_release(sock);
	return 0;
}

int homa_freeze_all(struct homa_net *hnet)
{
	u64 capture = new_capture();
	int err = freeze_self(capture);

	return err ?: tell_peers(hnet, capture);
}

void homa_freeze_each_net(void (*visit)(struct homa_net *hnet, u64 arg), u64 arg)
{
	struct net *net;

	mutex_lock(&running_mutex);
	if (running) {
		down_read(&net_rwsem);
		for_each_net(net)
			visit(homa_net(net), arg);
		up_read(&net_rwsem);
	}
	mutex_unlock(&running_mutex);
}

static void tell_peers_of(struct homa_net *hnet, u64 capture)
{
	tell_peers(hnet, capture);
}

static void tell_all_peers(struct tt_client *client, u64 capture)
{
	homa_freeze_each_net(tell_peers_of, capture);
}

void homa_freeze_init(void)
{
	running = true;
	homa_tt_client.tell_peers = tell_all_peers;
}

void homa_freeze_exit(void)
{
	mutex_lock(&running_mutex);
	running = false;
	mutex_unlock(&running_mutex);
}

static bool allowed(struct homa_net *hnet, const struct in6_addr *addr)
{
	const struct homa_freeze_peers *list = rcu_dereference(hnet->freeze_peers);
	u32 i;

	for (i = 0; list && i < list->count; i++) {
		if (ipv6_prefix_equal(addr, &list->prefix[i].addr, list->prefix[i].bits))
			return true;
	}
	return false;
}

enum homa_drop_reason homa_freeze_in(struct homa_net *hnet, const struct in6_addr *addr,
				     u64 capture)
{
	unsigned long last = READ_ONCE(last_freeze), now = jiffies ?: 1;
	char reason[32];

	if (!allowed(hnet, addr))
		return HOMA_DROP_NOT_ALLOWED;
	if ((last && time_before(now, last + HOMA_FREEZE_DISTANCE)) ||
	    cmpxchg(&last_freeze, last, now) != last)
		return HOMA_DROP_RATE;
	homa_metric_inc(hnet, freezes);
	if (ipv6_addr_v4mapped(addr))
		snprintf(reason, sizeof(reason), "FREEZE from %pI4", &addr->s6_addr32[3]);
	else
		snprintf(reason, sizeof(reason), "FREEZE from %pI6c", addr);
	tt_freeze(&homa_tt_client, reason, capture);
	return HOMA_DROP_NONE;
}

void homa_freeze_print(struct homa_net *hnet, char *text, size_t size)
{
	const struct homa_freeze_peers *list;
	size_t at = 0;
	u32 i;

	text[0] = '\0';
	rcu_read_lock();
	list = rcu_dereference(hnet->freeze_peers);
	for (i = 0; list && i < list->count; i++) {
		const struct in6_addr *addr = &list->prefix[i].addr;
		bool v4 = ipv6_addr_v4mapped(addr);

		at += scnprintf(text + at, size - at, v4 ? "%s%pI4/%u" : "%s%pI6c/%u",
				i ? " " : "", v4 ? (const void *)&addr->s6_addr32[3] : addr,
				list->prefix[i].bits - (v4 ? 96 : 0));
	}
	rcu_read_unlock();
}

/* ADDRESS or ADDRESS/BITS. */
static int parse_prefix(char *text, struct in6_addr *addr, u8 *bits)
{
	char *slash = strchr(text, '/');
	u8 most = 128, shift = 0;
	__be32 v4;
	u8 given;

	if (slash)
		*slash = '\0';
	if (in4_pton(text, -1, (u8 *)&v4, -1, NULL)) {
		ipv6_addr_set_v4mapped(v4, addr);
		most = 32;
		shift = 96;
	} else if (!in6_pton(text, -1, addr->s6_addr, -1, NULL)) {
		return -EINVAL;
	}
	given = most;
	if (slash && (kstrtou8(slash + 1, 10, &given) || given > most))
		return -EINVAL;
	*bits = given + shift;
	return 0;
}

static int parse(char *text, struct homa_freeze_peers *list)
{
	char *word;
	int err;

	while ((word = strsep(&text, ", \t\n"))) {
		if (!*word)
			continue;
		if (list->count == HOMA_FREEZE_PREFIXES)
			return -E2BIG;
		err = parse_prefix(word, &list->prefix[list->count].addr,
				   &list->prefix[list->count].bits);
		if (err)
			return err;
		list->count++;
	}
	return 0;
}

int homa_freeze_allow(struct homa_net *hnet, char *text)
{
	struct homa_freeze_peers *list, *old;
	int err;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	list = kzalloc(sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	err = parse(text, list);
	if (err) {
		kfree(list);
		return err;
	}
	old = unrcu_pointer(xchg(&hnet->freeze_peers, RCU_INITIALIZER(list)));
	kfree_rcu(old, rcu);
	return 0;
}

void homa_freeze_net_exit(struct homa_net *hnet)
{
	kfree(rcu_dereference_protected(hnet->freeze_peers, true));
}
