// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the socket layer and IP call: life of sockets, options, ioctls, poll,
 * registration. None of it needs the lock of the generic socket; see
 * docs/locking.md.
 */

#include <linux/compat.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <net/inet_common.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ip6_route.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/transp_v6.h>
#include "bundle.h"
#include "compat.h"
#include "freeze.h"
#include "gro.h"
#include "gso.h"
#include "incoming.h"
#include "info.h"
#include "message.h"
#include "plumbing.h"
#include "rxmem.h"
#include "wait.h"

static int homa_init_sock(struct sock *sk)
{
	return homa_sock_init(homa_sk(sk));
}

/* Ends everything; what other threads hold goes with their references. */
static void shut_down(struct homa_sock *hsk)
{
	struct homa_rpc *rpc = NULL;

	if (!homa_sock_close(hsk))
		return;
	homa_wake_all(hsk);
	homa_bundle_flush(hsk);
	while ((rpc = homa_rpc_next(hsk, rpc))) {
		homa_rpc_lock(rpc);
		homa_rpc_end_unlock(rpc);
		cond_resched();
	}
	homa_to_sk(hsk)->sk_state_change(homa_to_sk(hsk));
}

static void homa_destroy_sock(struct sock *sk)
{
	struct homa_net *hnet = homa_sk(sk)->hnet;

	shut_down(homa_sk(sk));
	/* Large RPCs keep the socket, and it the module, until they are freed. */
	flush_work(&hnet->reap_work);
}

static void homa_close(struct sock *sk, long timeout)
{
	sk_common_release(sk);
}

/* The port was given up by homa_destroy_sock(). */
static void homa_unhash(struct sock *sk)
{
}

static int homa_disconnect(struct sock *sk, int flags)
{
	return 0;
}

/* A socket without a port is shut down: connect() would give it another. */
static int homa_get_port(struct sock *sk, unsigned short port)
{
	return -ESHUTDOWN;
}

static int homa_shutdown(struct socket *sock, int how)
{
	shut_down(homa_sk(sock->sk));
	return 0;
}

static int homa_bind(struct socket *sock, struct sockaddr_unsized *addr, int addr_len)
{
	struct homa_sock *hsk = homa_sk(sock->sk);
	int family = sock->sk->sk_family;
	u16 port;
	int err;

	if (addr_len < (int)sizeof(addr->sa_family))
		return homa_sock_error(hsk, -EINVAL, "address too short");
	if (addr->sa_family != family)
		return homa_sock_error(hsk, -EAFNOSUPPORT,
				       "address family differs from the socket's");
	if (addr_len < (int)(family == AF_INET ? sizeof(struct sockaddr_in) :
						 sizeof(struct sockaddr_in6)))
		return homa_sock_error(hsk, -EINVAL, "address too short");
	if (family == AF_INET)
		port = ntohs(((struct sockaddr_in *)addr)->sin_port);
	else
		port = ntohs(((struct sockaddr_in6 *)addr)->sin6_port);
	if (READ_ONCE(hsk->shutdown))
		return homa_sock_error(hsk, -ESHUTDOWN, "socket is shut down");
	if (!port || port == READ_ONCE(hsk->port))
		return 0;
	if (port >= HOMA_MIN_DEFAULT_PORT)
		return homa_sock_error(hsk, -EINVAL, "ports from 32768 on are automatic");
	err = homa_sock_bind(hsk, port);
	if (err)
		homa_sock_error(hsk, err, err == -EADDRINUSE ? "port in use" :
				"socket is shut down");
	return err;
}

static int set_region(struct homa_sock *hsk, sockptr_t optval, unsigned int optlen)
{
	struct homa_rcvbuf_args args;
	struct homa_pool *pool;

	homa_metric_inc(hsk->hnet, so_set_buf_calls);
	if (optlen != sizeof(args))
		return homa_sock_error(hsk, -EINVAL, "optlen of SO_HOMA_RCVBUF is not 16");
	if (copy_from_sockptr(&args, optval, sizeof(args)))
		return homa_sock_error(hsk, -EFAULT, "SO_HOMA_RCVBUF args not readable");
	if (READ_ONCE(hsk->pool))
		return homa_sock_error(hsk, -EINVAL, "socket has a receive region already");
	pool = homa_pool_new(hsk->hnet, &args);
	if (IS_ERR(pool))
		return homa_sock_error(hsk, PTR_ERR(pool), PTR_ERR(pool) == -EFAULT ?
				       "receive region not writable" :
				       "receive region not page-aligned, too small or too large");
	if (cmpxchg(&hsk->pool, NULL, pool)) {
		homa_pool_free(pool);
		return homa_sock_error(hsk, -EINVAL, "socket has a receive region already");
	}
	return 0;
}

static int homa_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
			   unsigned int optlen)
{
	struct homa_sock *hsk = homa_sk(sk);
	int value;

	if (level != IPPROTO_HOMA)
		return -ENOPROTOOPT;
	switch (optname) {
	case SO_HOMA_RCVBUF:
		return set_region(hsk, optval, optlen);
	case SO_HOMA_SERVER:
		if (optlen != sizeof(value))
			return homa_sock_error(hsk, -EINVAL, "optlen of SO_HOMA_SERVER is not 4");
		if (copy_from_sockptr(&value, optval, sizeof(value)))
			return homa_sock_error(hsk, -EFAULT, "SO_HOMA_SERVER value not readable");
		WRITE_ONCE(hsk->is_server, !!value);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int homa_getsockopt(struct sock *sk, int level, int optname, char __user *optval,
			   int __user *optlen)
{
	struct homa_sock *hsk = homa_sk(sk);
	struct homa_rcvbuf_args region = { 0 };
	int value, len, size;
	const void *from;

	if (level != IPPROTO_HOMA)
		return -ENOPROTOOPT;
	switch (optname) {
	case SO_HOMA_RCVBUF:
		if (READ_ONCE(hsk->pool))
			homa_pool_region(hsk->pool, &region);
		from = &region;
		size = sizeof(region);
		break;
	case SO_HOMA_SERVER:
		value = READ_ONCE(hsk->is_server);
		from = &value;
		size = sizeof(value);
		break;
	default:
		return -ENOPROTOOPT;
	}
	if (get_user(len, optlen))
		return -EFAULT;
	if (len < size)
		return homa_sock_error(hsk, -EINVAL, "optlen too short");
	if (copy_to_user(optval, from, size) || put_user(size, optlen))
		return -EFAULT;
	return 0;
}

/* Aborts a locked client RPC; unlocks it. */
static void abort_rpc(struct homa_rpc *rpc, u32 error)
{
	if (error)
		homa_rpc_fail(rpc, -(int)error);
	else
		homa_rpc_end_unlock(rpc);
}

static int ioctl_abort(struct homa_sock *hsk, void __user *arg)
{
	struct homa_abort_args args;
	struct homa_rpc *rpc = NULL;

	homa_metric_inc(hsk->hnet, abort_calls);
	if (copy_from_user(&args, arg, sizeof(args)))
		return homa_sock_error(hsk, -EFAULT, "homa_abort_args not readable");
	if (args._pad1 || args._pad2[0] || args._pad2[1] || args.error > MAX_ERRNO)
		return homa_sock_error(hsk, -EINVAL, "padding not 0, or no such errno");
	if (args.id) {
		rpc = homa_is_client(args.id) ? homa_rpc_find_client(hsk, args.id) : NULL;
		if (!rpc)
			return homa_sock_error(hsk, -EINVAL, "no such client RPC");
		homa_rpc_hold(rpc);
		abort_rpc(rpc, args.error);
		homa_rpc_put(rpc);
		return 0;
	}
	while ((rpc = homa_rpc_next(hsk, rpc))) {
		if (!homa_rpc_is_client(rpc))
			continue;
		homa_rpc_lock(rpc);
		if (rpc->state == HOMA_RPC_DEAD)
			homa_rpc_unlock(rpc);
		else
			abort_rpc(rpc, args.error);
		cond_resched();
	}
	return 0;
}

static int homa_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct homa_sock *hsk = homa_sk(sock->sk);

	homa_bundle_flush(hsk);
	switch (cmd) {
	case HOMAIOCINFO:
		return homa_ioctl_info(hsk, (void __user *)arg);
	case HOMAIOCABORT:
		return ioctl_abort(hsk, (void __user *)arg);
	case HOMAIOCFREEZE:
		/* Programs expect success; only who may freeze the recorder does. */
		homa_freeze_self();
		return 0;
	default:
		return homa_sock_error(hsk, -EINVAL, "unknown ioctl");
	}
}

#ifdef CONFIG_COMPAT
static int homa_compat_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	/* The structures are the same for 32-bit programs. */
	return homa_ioctl(sock, cmd, (unsigned long)compat_ptr(arg));
}
#endif

static __poll_t homa_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait)
{
	struct homa_sock *hsk = homa_sk(sock->sk);
	__poll_t mask = 0;

	homa_bundle_flush(hsk);
	sock_poll_wait(file, sock, wait);
	if (READ_ONCE(hsk->shutdown))
		mask |= EPOLLIN;
	if (!list_empty_careful(&hsk->ready))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (!homa_sock_writable(hsk)) {
		WRITE_ONCE(hsk->want_wmem, 1);
		smp_mb(); /* see homa_sock_uncharge() */
	}
	if (homa_sock_writable(hsk))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

static struct proto homa_prot = {
	.name = "HOMA",
	.owner = THIS_MODULE,
	.obj_size = sizeof(struct homa_sock),
	.memory_allocated = &homa_rxmem_allocated,
	.per_cpu_fw_alloc = &homa_rxmem_forward,
	.sysctl_mem = homa_rxmem_limits,
	.sysctl_rmem = &homa_rxmem_least,
	.slab_flags = SLAB_TYPESAFE_BY_RCU,
	.init = homa_init_sock,
	.destroy = homa_destroy_sock,
	.close = homa_close,
	.unhash = homa_unhash,
	.connect = ip4_datagram_connect,
	.disconnect = homa_disconnect,
	.get_port = homa_get_port,
	.setsockopt = homa_setsockopt,
	.getsockopt = homa_getsockopt,
};

static const struct proto_ops homa_ops = {
	.family = PF_INET,
	.owner = THIS_MODULE,
	.release = inet_release,
	.bind = homa_bind,
	.connect = inet_dgram_connect,
	.socketpair = sock_no_socketpair,
	.accept = sock_no_accept,
	.getname = inet_getname,
	.poll = homa_poll,
	.ioctl = homa_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = homa_compat_ioctl,
#endif
	.listen = sock_no_listen,
	.shutdown = homa_shutdown,
	.setsockopt = sock_common_setsockopt,
	.getsockopt = sock_common_getsockopt,
	.sendmsg = homa_sendmsg,
	.recvmsg = homa_recvmsg,
	.mmap = sock_no_mmap,
};

static struct inet_protosw homa_protosw = {
	.type = SOCK_DGRAM,
	.protocol = IPPROTO_HOMA,
	.prot = &homa_prot,
	.ops = &homa_ops,
	.flags = INET_PROTOSW_REUSE,
};

/* What an ICMP destination-unreachable means to clients, 0: nothing. */
static int icmp_error(u8 type, u8 code, bool *whole_host)
{
	if (type != ICMP_DEST_UNREACH || code == ICMP_FRAG_NEEDED)
		return 0;
	*whole_host = code != ICMP_PORT_UNREACH;
	switch (code) {
	case ICMP_PORT_UNREACH:
		return -ENOTCONN;
	case ICMP_PROT_UNREACH:
		return -EPROTONOSUPPORT;
	default:
		return -EHOSTUNREACH;
	}
}

/* Ports at the start of the packet of ours that ICMP quotes. */
struct homa_quoted {
	__be16 sport;
	__be16 dport;
};

static int homa_v4_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	u8 type = icmp_hdr(skb)->type, code = icmp_hdr(skb)->code;
	const struct homa_quoted *quoted;
	bool whole_host = false;
	struct in6_addr addr;
	int error = icmp_error(type, code, &whole_host);

	/* Replaces the route; what was too long is sent again in shorter packets. */
	if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED)
		ipv4_update_pmtu(skb, dev_net(skb->dev), info, 0, IPPROTO_HOMA);
	if (!error || !pskb_may_pull(skb, iph->ihl * 4 + sizeof(*quoted)))
		return 0;
	iph = (const struct iphdr *)skb->data;
	quoted = (const struct homa_quoted *)(skb->data + iph->ihl * 4);
	ipv6_addr_set_v4mapped(iph->daddr, &addr);
	homa_icmp(homa_net(dev_net(skb->dev)), &addr, ntohs(quoted->sport),
		  whole_host ? 0 : ntohs(quoted->dport), error);
	return 0;
}

static const struct net_offload homa_offload = {
	.callbacks.gso_segment = homa_gso_segment,
	.callbacks.gro_receive = homa_gro_receive,
	.callbacks.gro_complete = homa_gro_complete,
};

static const struct net_protocol homa_v4_protocol = {
	.handler = homa_rcv,
	.err_handler = homa_v4_err,
	.no_policy = 1,
};

#if IS_ENABLED(CONFIG_IPV6)
static_assert(offsetofend(struct homa6_sock, inet6) == sizeof(struct homa6_sock));

static struct proto homav6_prot = {
	.name = "HOMAv6",
	.owner = THIS_MODULE,
	.obj_size = sizeof(struct homa6_sock),
	.memory_allocated = &homa_rxmem_allocated,
	.per_cpu_fw_alloc = &homa_rxmem_forward,
	.sysctl_mem = homa_rxmem_limits,
	.sysctl_rmem = &homa_rxmem_least,
	.slab_flags = SLAB_TYPESAFE_BY_RCU,
	HOMA_PINFO_OFFSET(struct homa6_sock, inet6)
	.init = homa_init_sock,
	.destroy = homa_destroy_sock,
	.close = homa_close,
	.unhash = homa_unhash,
	.connect = ip6_datagram_connect,
	.disconnect = homa_disconnect,
	.get_port = homa_get_port,
	.setsockopt = homa_setsockopt,
	.getsockopt = homa_getsockopt,
};

static const struct proto_ops homav6_ops = {
	.family = PF_INET6,
	.owner = THIS_MODULE,
	.release = inet6_release,
	.bind = homa_bind,
	.connect = inet_dgram_connect,
	.socketpair = sock_no_socketpair,
	.accept = sock_no_accept,
	.getname = inet6_getname,
	.poll = homa_poll,
	.ioctl = homa_ioctl,
#ifdef CONFIG_COMPAT
	.compat_ioctl = homa_compat_ioctl,
#endif
	.listen = sock_no_listen,
	.shutdown = homa_shutdown,
	.setsockopt = sock_common_setsockopt,
	.getsockopt = sock_common_getsockopt,
	.sendmsg = homa_sendmsg,
	.recvmsg = homa_recvmsg,
	.mmap = sock_no_mmap,
};

static struct inet_protosw homav6_protosw = {
	.type = SOCK_DGRAM,
	.protocol = IPPROTO_HOMA,
	.prot = &homav6_prot,
	.ops = &homav6_ops,
	.flags = INET_PROTOSW_REUSE,
};

static int icmpv6_error(u8 type, u8 code, bool *whole_host)
{
	*whole_host = true;
	if (type == ICMPV6_PARAMPROB && code == ICMPV6_UNK_NEXTHDR)
		return -EPROTONOSUPPORT;
	if (type != ICMPV6_DEST_UNREACH)
		return 0;
	if (code == ICMPV6_PORT_UNREACH) {
		*whole_host = false;
		return -ENOTCONN;
	}
	return code == ICMPV6_ADDR_UNREACH ? -EHOSTUNREACH : 0;
}

static int homa_v6_err(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
		       int offset, __be32 info)
{
	const struct ipv6hdr *iph = (const struct ipv6hdr *)skb->data;
	const struct homa_quoted *quoted;
	bool whole_host;
	int error = icmpv6_error(type, code, &whole_host);
	struct net *net = dev_net(skb->dev);

	if (type == ICMPV6_PKT_TOOBIG)
		ip6_update_pmtu(skb, net, info, skb->dev->ifindex, 0, sock_net_uid(net, NULL));
	if (!error || !pskb_may_pull(skb, offset + sizeof(*quoted)))
		return 0;
	iph = (const struct ipv6hdr *)skb->data;
	quoted = (const struct homa_quoted *)(skb->data + offset);
	homa_icmp(homa_net(net), &iph->daddr, ntohs(quoted->sport),
		  whole_host ? 0 : ntohs(quoted->dport), error);
	return 0;
}

static const struct inet6_protocol homa_v6_protocol = {
	.handler = homa_rcv,
	.err_handler = homa_v6_err,
	.flags = INET6_PROTO_NOPOLICY | INET6_PROTO_FINAL,
};

static int register_v6(void)
{
	int err = proto_register(&homav6_prot, 1);

	if (err)
		return err;
	err = inet6_register_protosw(&homav6_protosw);
	if (err)
		goto fail_proto;
	err = inet6_add_offload(&homa_offload, IPPROTO_HOMA);
	if (err)
		goto fail_protosw;
	err = inet6_add_protocol(&homa_v6_protocol, IPPROTO_HOMA);
	if (err)
		goto fail_offload;
	return 0;

fail_offload:
	inet6_del_offload(&homa_offload, IPPROTO_HOMA);
fail_protosw:
	inet6_unregister_protosw(&homav6_protosw);
fail_proto:
	proto_unregister(&homav6_prot);
	return err;
}

static void unregister_v6(void)
{
	inet6_del_protocol(&homa_v6_protocol, IPPROTO_HOMA);
	inet6_del_offload(&homa_offload, IPPROTO_HOMA);
	inet6_unregister_protosw(&homav6_protosw);
	proto_unregister(&homav6_prot);
}
#else
static int register_v6(void)
{
	return 0;
}

static void unregister_v6(void)
{
}
#endif

/**
 * homa_plumbing_register() - let sockets be made and packets come in
 *
 * Return: 0 or an errno.
 */
int homa_plumbing_register(void)
{
	int err;

	homa_rxmem_init();
	err = proto_register(&homa_prot, 1);
	if (err)
		return err;
	err = inet_add_offload(&homa_offload, IPPROTO_HOMA);
	if (err)
		goto fail_proto;
	err = inet_add_protocol(&homa_v4_protocol, IPPROTO_HOMA);
	if (err)
		goto fail_offload;
	inet_register_protosw(&homa_protosw);
	err = register_v6();
	if (err)
		goto fail_v6;
	return 0;

fail_v6:
	inet_unregister_protosw(&homa_protosw);
	inet_del_protocol(&homa_v4_protocol, IPPROTO_HOMA);
fail_offload:
	inet_del_offload(&homa_offload, IPPROTO_HOMA);
fail_proto:
	proto_unregister(&homa_prot);
	return err;
}

/* Packets under way are through when this returns. */
void homa_plumbing_unregister(void)
{
	unregister_v6();
	inet_unregister_protosw(&homa_protosw);
	inet_del_protocol(&homa_v4_protocol, IPPROTO_HOMA);
	inet_del_offload(&homa_offload, IPPROTO_HOMA);
	proto_unregister(&homa_prot);
}
