// SPDX-License-Identifier: GPL-2.0-only
/* What users can see of sockets and RPCs: HOMAIOCINFO and /proc/net/homa. */

#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include "info.h"

#define HOMA_DUMP_FILE "homa"

static void fill_peer(struct homa_rpc_info *info, const struct homa_rpc *rpc)
{
	if (homa_to_sk(rpc->hsk)->sk_family == AF_INET) {
		info->peer.in4.sin_family = AF_INET;
		info->peer.in4.sin_port = htons(rpc->dport);
		info->peer.in4.sin_addr.s_addr = rpc->peer->key.addr.s6_addr32[3];
	} else {
		info->peer.in6.sin6_family = AF_INET6;
		info->peer.in6.sin6_port = htons(rpc->dport);
		info->peer.in6.sin6_addr = rpc->peer->key.addr;
	}
}

static u16 info_flags(const struct homa_rpc *rpc)
{
	bool waits = !skb_queue_empty(&rpc->rx.queue);

	return (rpc->rx.length && !rpc->rx.num_bpages && rpc->state == HOMA_RPC_INCOMING ?
		HOMA_RPC_BUF_STALL : 0) |
	       (rpc->is_private ? HOMA_RPC_PRIVATE : 0) |
	       (homa_rpc_received(rpc) && rpc->handed && !waits ? HOMA_RPC_RX_READY : 0) |
	       (waits ? HOMA_RPC_RX_COPY : 0);
}

/* Return: enum homa_rpc_state. */
static u8 fill_info(struct homa_rpc_info *info, struct homa_rpc *rpc)
{
	u8 state;

	memset(info, 0, sizeof(*info));
	homa_rpc_lock(rpc);
	state = rpc->state;
	info->id = rpc->id;
	fill_peer(info, rpc);
	info->completion_cookie = rpc->cookie;
	info->tx_length = -1;
	/* A reply is its thread's until it is sent. */
	if (homa_rpc_is_client(rpc) || rpc->state == HOMA_RPC_OUTGOING) {
		info->tx_length = rpc->tx.length;
		info->tx_sent = rpc->tx.sent;
		info->tx_granted = rpc->tx.granted;
		info->tx_prio = rpc->tx.level;
	}
	info->rx_length = rpc->rx.length ?: -1;
	info->rx_remaining = rpc->rx.missing;
	if (rpc->rx.gaps) {
		info->rx_gaps = rpc->rx.gaps->count;
		info->rx_gap_bytes = homa_gaps_bytes(rpc->rx.gaps);
	}
	info->rx_granted = READ_ONCE(rpc->rx.granted);
	info->flags = info_flags(rpc);
	homa_rpc_unlock(rpc);
	return state;
}

/**
 * homa_ioctl_info() - HOMAIOCINFO
 * @hsk: socket.
 * @arg: struct homa_info.
 *
 * Return: 0 or an errno.
 */
int homa_ioctl_info(struct homa_sock *hsk, void __user *arg)
{
	struct homa_info info;
	struct homa_rpc_info rpc_info;
	struct homa_rpc *rpc = NULL;
	u64 room, at;

	if (copy_from_user(&info, arg, sizeof(info)))
		return homa_sock_error(hsk, -EFAULT, "homa_info not readable");
	if (READ_ONCE(hsk->shutdown))
		return homa_sock_error(hsk, -ESHUTDOWN, "socket is shut down");
	at = info.rpc_info;
	room = at ? info.rpc_info_length / sizeof(rpc_info) : 0;
	info.bpool_avail_bytes = READ_ONCE(hsk->pool) ? homa_pool_avail_bytes(hsk->pool) : 0;
	info.port = READ_ONCE(hsk->port);
	info.num_rpcs = 0;
	memset(info.error_msg, 0, sizeof(info.error_msg));
	strscpy(info.error_msg, READ_ONCE(hsk->error_msg), sizeof(info.error_msg));
	while ((rpc = homa_rpc_next(hsk, rpc))) {
		if (fill_info(&rpc_info, rpc) == HOMA_RPC_DEAD)
			continue;
		if (info.num_rpcs++ >= room)
			continue;
		if (copy_to_user(u64_to_user_ptr(at), &rpc_info, sizeof(rpc_info))) {
			homa_rpc_put(rpc);
			return homa_sock_error(hsk, -EFAULT, "rpc_info not writable");
		}
		at += sizeof(rpc_info);
		cond_resched();
	}
	if (copy_to_user(arg, &info, sizeof(info)))
		return homa_sock_error(hsk, -EFAULT, "homa_info not writable");
	return 0;
}

/**
 * struct homa_dump - place of a reader in the list of sockets and RPCs
 * @hnet: namespace.
 * @hsk: current socket, with a reference.
 * @rpc: current RPC of it, with a reference; NULL: the socket itself.
 * @shows_rpcs: RPCs of @hsk are shown, whoever it belongs to meanwhile.
 * @last_seq: of the last RPC shown: those that come meanwhile are not, or a
 *	busy socket would never end.
 * @pos: of the two in the file.
 *
 * It stays between two reads, so that each line costs the same however many
 * there are.
 */
struct homa_dump {
	struct homa_net *hnet;
	struct homa_sock *hsk;
	struct homa_rpc *rpc;
	bool shows_rpcs;
	u64 last_seq;
	loff_t pos;
};

static void rewind_dump(struct homa_dump *dump)
{
	if (dump->rpc)
		homa_rpc_put(dump->rpc);
	if (dump->hsk)
		homa_sock_put(dump->hsk);
	dump->rpc = NULL;
	dump->hsk = NULL;
	dump->pos = 0;
}

/* RPCs are shown to the owner of their socket and to who administers the network. */
static bool shows_rpcs(struct seq_file *m, const struct homa_sock *hsk)
{
	return uid_eq(m->file->f_cred->fsuid, READ_ONCE(hsk->inet.sk.sk_uid)) ||
	       file_ns_capable(m->file, hsk->hnet->net->user_ns, CAP_NET_ADMIN);
}

/* Return: false at the end. */
static bool advance(struct seq_file *m, struct homa_dump *dump)
{
	dump->pos++;
	if (dump->hsk && dump->shows_rpcs) {
		dump->rpc = homa_rpc_next(dump->hsk, dump->rpc);
		if (dump->rpc && dump->rpc->seq <= dump->last_seq)
			return true;
		if (dump->rpc)
			homa_rpc_put(dump->rpc);
		dump->rpc = NULL;
	}
	dump->hsk = homa_sock_next(dump->hnet, dump->hsk);
	if (!dump->hsk)
		return false;
	dump->shows_rpcs = shows_rpcs(m, dump->hsk);
	dump->last_seq = READ_ONCE(dump->hsk->next_seq);
	return true;
}

static void *dump_start(struct seq_file *m, loff_t *pos)
{
	struct homa_dump *dump = m->private;

	if (!*pos) {
		rewind_dump(dump);
		return SEQ_START_TOKEN;
	}
	/* Going on where the last read ended, or a step further. */
	if (*pos < dump->pos)
		rewind_dump(dump);
	while (dump->pos < *pos) {
		if (!advance(m, dump))
			return NULL;
	}
	return dump->hsk ? dump : NULL;
}

static void *dump_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct homa_dump *dump = m->private;

	++*pos;
	return advance(m, dump) ? dump : NULL;
}

static void dump_stop(struct seq_file *m, void *v)
{
}

static void show_sock(struct seq_file *m, struct homa_sock *hsk)
{
	struct sock *sk = homa_to_sk(hsk);
	struct homa_pool *pool = READ_ONCE(hsk->pool);
	struct homa_rcvbuf_args region = { 0 };

	if (pool)
		homa_pool_region(pool, &region);
	seq_printf(m, "socket port=%u family=%s uid=%u inode=%llu server=%u rpcs=%u tx_bytes=%d tx_max=%d rx_bytes=%d rx_max=%d region=%llu region_free=%llu\n",
		   READ_ONCE(hsk->port), sk->sk_family == AF_INET ? "ipv4" : "ipv6",
		   from_kuid_munged(seq_user_ns(m), READ_ONCE(sk->sk_uid)), (u64)sock_i_ino(sk),
		   READ_ONCE(hsk->is_server), READ_ONCE(hsk->num_rpcs), sk_wmem_alloc_get(sk),
		   READ_ONCE(sk->sk_sndbuf), sk_rmem_alloc_get(sk), READ_ONCE(sk->sk_rcvbuf),
		   region.length, pool ? homa_pool_avail_bytes(pool) : 0);
}

static void show_rpc(struct seq_file *m, struct homa_rpc *rpc)
{
	static const char * const states[] = {
		[HOMA_RPC_OUTGOING] = "outgoing",
		[HOMA_RPC_INCOMING] = "incoming",
		[HOMA_RPC_IN_SERVICE] = "in_service",
		[HOMA_RPC_DEAD] = "dead",
	};
	const struct in6_addr *addr = &rpc->peer->key.addr;
	struct homa_rpc_info info;
	u8 state = fill_info(&info, rpc);

	seq_printf(m, "rpc id=%llu role=%s state=%s ", info.id,
		   homa_rpc_is_client(rpc) ? "client" : "server", states[state]);
	if (ipv6_addr_v4mapped(addr))
		seq_printf(m, "peer=%pI4", &addr->s6_addr32[3]);
	else
		seq_printf(m, "peer=%pI6c", addr);
	seq_printf(m, " peer_port=%u tx_length=%d tx_sent=%u tx_granted=%u tx_level=%u rx_length=%d rx_remaining=%u rx_gaps=%u rx_granted=%u private=%u stalled=%u ready=%u copying=%u\n",
		   rpc->dport, info.tx_length, info.tx_sent, info.tx_granted, info.tx_prio,
		   info.rx_length, info.rx_remaining, info.rx_gaps, info.rx_granted,
		   !!(info.flags & HOMA_RPC_PRIVATE), !!(info.flags & HOMA_RPC_BUF_STALL),
		   !!(info.flags & HOMA_RPC_RX_READY), !!(info.flags & HOMA_RPC_RX_COPY));
}

static int dump_show(struct seq_file *m, void *v)
{
	struct homa_dump *dump = m->private;

	if (v == SEQ_START_TOKEN)
		seq_puts(m, "# Homa sockets of this network namespace, each followed by its RPCs\n");
	else if (dump->rpc)
		show_rpc(m, dump->rpc);
	else
		show_sock(m, dump->hsk);
	return 0;
}

static const struct seq_operations dump_ops = {
	.start = dump_start,
	.next = dump_next,
	.stop = dump_stop,
	.show = dump_show,
};

static int dump_open(struct inode *inode, struct file *file)
{
	struct homa_dump *dump = __seq_open_private(file, &dump_ops, sizeof(*dump));

	if (!dump)
		return -ENOMEM;
	dump->hnet = pde_data(inode);
	return 0;
}

static int dump_release(struct inode *inode, struct file *file)
{
	rewind_dump(((struct seq_file *)file->private_data)->private);
	return seq_release_private(inode, file);
}

static const struct proc_ops dump_proc_ops = {
	.proc_open = dump_open,
	.proc_read = seq_read,
	.proc_lseek = seq_lseek,
	.proc_release = dump_release,
};

int homa_info_net_init(struct homa_net *hnet)
{
	return proc_create_data(HOMA_DUMP_FILE, 0444, hnet->net->proc_net, &dump_proc_ops, hnet) ?
	       0 : -ENOMEM;
}

void homa_info_net_exit(struct homa_net *hnet)
{
	remove_proc_entry(HOMA_DUMP_FILE, hnet->net->proc_net);
}
