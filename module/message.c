// SPDX-License-Identifier: GPL-2.0-only
/* sendmsg and recvmsg: messages between applications and RPCs. */

#include <linux/sched.h>
#include <linux/uaccess.h>
#include "bundle.h"
#include "copy_out.h"
#include "delay.h"
#include "folds.h"
#include "grant.h"
#include "incoming.h"
#include "message.h"
#include "outgoing.h"
#include "pacer.h"
#include "wait.h"

/* Address and port of the other side, from or for the application. */
struct homa_remote {
	struct in6_addr addr;
	u16 port;
};

static int read_name(struct homa_sock *hsk, const struct msghdr *msg, struct homa_remote *to)
{
	const struct sockaddr *name = msg->msg_name;

	if (!name)
		return homa_sock_error(hsk, -EINVAL, "no destination address (msg_name)");
	if (msg->msg_namelen < (int)sizeof(name->sa_family))
		return homa_sock_error(hsk, -EINVAL, "msg_namelen too short");
	if (name->sa_family != homa_to_sk(hsk)->sk_family)
		return homa_sock_error(hsk, -EAFNOSUPPORT,
				       "destination's address family differs from the socket's");
	if (name->sa_family == AF_INET) {
		const struct sockaddr_in *in = msg->msg_name;
		__be32 addr;

		if (msg->msg_namelen < (int)sizeof(*in))
			return homa_sock_error(hsk, -EINVAL, "msg_namelen too short");
		addr = in->sin_addr.s_addr ?: htonl(INADDR_LOOPBACK);
		ipv6_addr_set_v4mapped(addr, &to->addr);
		to->port = ntohs(in->sin_port);
	} else {
		const struct sockaddr_in6 *in6 = msg->msg_name;

		if (msg->msg_namelen < (int)sizeof(*in6))
			return homa_sock_error(hsk, -EINVAL, "msg_namelen too short");
		to->addr = ipv6_addr_any(&in6->sin6_addr) ? in6addr_loopback : in6->sin6_addr;
		to->port = ntohs(in6->sin6_port);
	}
	if (!to->port)
		return homa_sock_error(hsk, -EINVAL, "destination port is 0");
	return 0;
}

static void write_name(struct homa_sock *hsk, struct msghdr *msg, const struct homa_rpc *rpc)
{
	const struct in6_addr *addr = &rpc->peer->key.addr;

	if (!msg->msg_name)
		return;
	if (homa_to_sk(hsk)->sk_family == AF_INET) {
		*(struct sockaddr_in *)msg->msg_name = (struct sockaddr_in) {
			.sin_family = AF_INET,
			.sin_port = htons(rpc->dport),
			.sin_addr.s_addr = addr->s6_addr32[3],
		};
		msg->msg_namelen = sizeof(struct sockaddr_in);
	} else {
		*(struct sockaddr_in6 *)msg->msg_name = (struct sockaddr_in6) {
			.sin6_family = AF_INET6,
			.sin6_port = htons(rpc->dport),
			.sin6_addr = *addr,
		};
		msg->msg_namelen = sizeof(struct sockaddr_in6);
	}
}

/* Others follow, says sendmmsg() or the application. */
static bool more_follow(const struct msghdr *msg)
{
	return msg->msg_flags & (MSG_BATCH | MSG_MORE);
}

/* Sends a message that is one packet. The RPC may be gone: what is needed of
 * it was noted, and the peer lives as long as this RCU section.
 */
static void xmit_whole(struct homa_sock *hsk, struct homa_peer *peer, struct sk_buff *skb, u64 id,
		       u32 length, bool more, struct homa_send_stamps *stamps)
{
	homa_metric_inc(hsk->hnet, packets_sent_DATA);
	homa_metric_add(hsk->hnet, sent_msg_bytes, length);
	trace_homa_data_xmit(id, 0, length);
	homa_tt_stamp(&stamps->xmit);
	if (unlikely(more || homa_bundle_held(hsk)))
		homa_bundle_xmit(hsk, peer, skb, id, length, more);
	else if (homa_xmit_skb(hsk, peer, skb, homa_peer_unsched_level(peer, length)))
		homa_metric_inc(hsk->hnet, data_xmit_errors);
}

/* Copies a part of the message. Return: false if the application's is not readable. */
static inline bool fill(struct homa_rpc *rpc, u32 offset, u32 bytes, struct iov_iter *iter)
{
	if (homa_delay_on())
		homa_delay_now(HOMA_DELAY_copy_in, rpc->id, bytes);
	return homa_txmsg_fill(&rpc->tx.msg, offset, bytes, iter);
}

/* Copies all of a message that goes in one packet. Return: the packet or an ERR_PTR. */
static struct sk_buff *copy_whole(struct homa_rpc *rpc, struct iov_iter *iter, u32 seg_bytes,
				  struct homa_send_stamps *stamps)
{
	struct homa_rpc_tx *tx = &rpc->tx;
	u32 chunk_bytes = tx->msg.chunks ? homa_txmsg_chunk_bytes(&tx->msg) : tx->length;
	struct sk_buff *skb;

	while (tx->ready < tx->length) {
		u32 bytes = min(tx->length - tx->ready, chunk_bytes);

		if (!fill(rpc, tx->ready, bytes, iter)) {
			homa_sock_error(rpc->hsk, -EFAULT, "message buffer not readable");
			return ERR_PTR(-EFAULT);
		}
		tx->ready += bytes;
	}
	trace_homa_send_copied(rpc->id, tx->length);
	homa_tt_stamp(&stamps->copied);
	skb = homa_tx_whole(rpc, seg_bytes);
	if (!skb) {
		homa_sock_error(rpc->hsk, -ENOMEM, "no memory for a packet");
		return ERR_PTR(-ENOMEM);
	}
	return skb;
}

/*
 * Copies a message of several packets, which leave meanwhile. Return: 0,
 * -EFAULT, or -EINVAL if the RPC has died.
 */
static int copy_and_send(struct homa_rpc *rpc, struct iov_iter *iter)
{
	struct homa_rpc_tx *tx = &rpc->tx;
	u32 chunk_bytes = tx->msg.chunks ? homa_txmsg_chunk_bytes(&tx->msg) : tx->length;
	u32 done, bytes;
	bool dead;

	/* It may take long. */
	homa_bundle_flush(rpc->hsk);
	for (done = 0; done < tx->length; done += bytes) {
		bytes = min(tx->length - done, chunk_bytes);
		if (!fill(rpc, done, bytes, iter))
			return homa_sock_error(rpc->hsk, -EFAULT, "message buffer not readable");
		homa_trace_send_copied(rpc->id, done + bytes);
		homa_rpc_lock(rpc);
		dead = rpc->state == HOMA_RPC_DEAD;
		if (!dead) {
			tx->ready = done + bytes;
			homa_xmit_data(rpc);
		}
		homa_rpc_unlock(rpc);
		if (dead)
			return homa_sock_error(rpc->hsk, -EINVAL, "RPC ended meanwhile");
		cond_resched();
	}
	return 0;
}

/*
 * Gets a message ready to be sent; nobody else looks at rpc->tx meanwhile. On
 * success *skb is the message as a packet, or NULL: copy_and_send().
 */
static int load_message(struct homa_rpc *rpc, struct msghdr *msg, size_t length,
			struct sk_buff **skb, struct homa_send_stamps *stamps)
{
	struct homa_sock *hsk = rpc->hsk;
	struct homa_rpc_tx *tx = &rpc->tx;
	u32 seg_bytes;
	int err;

	err = homa_txmsg_alloc(&tx->msg, hsk, length, rpc->tiny);
	if (err)
		return homa_sock_error(hsk, err, "no memory for the message");
	tx->length = length;
	tx->ready = 0;
	err = homa_tx_prepare(rpc, &seg_bytes);
	if (err) {
		homa_sock_error(hsk, err, err == -EINVAL ? "MTU too small" :
				"no route to the destination, or no memory");
		goto fail;
	}
	*skb = NULL;
	if (seg_bytes) {
		*skb = copy_whole(rpc, &msg->msg_iter, seg_bytes, stamps);
		err = PTR_ERR_OR_ZERO(*skb);
	} else if (fault_in_iov_iter_readable(&msg->msg_iter, length)) {
		/* Found out before a part of it is on its way. */
		err = homa_sock_error(hsk, -EFAULT, "message buffer not readable");
	}
	if (!err)
		return 0;
fail:
	homa_txmsg_free(&tx->msg, hsk, rpc->tiny);
	tx->length = 0;
	return err;
}

/* The application took its message away while it was being sent. */
static void end_half_sent(struct homa_rpc *rpc)
{
	homa_rpc_lock(rpc);
	homa_rpc_end_unlock(rpc);
}

static int start_request(struct homa_sock *hsk, struct homa_rpc *rpc, struct msghdr *msg,
			 size_t length, u64 __user *id_to)
{
	struct homa_request_stamps stamps = {};
	struct homa_peer *peer = rpc->peer;
	u16 dport = rpc->dport;
	u64 id = rpc->id;
	struct sk_buff *skb;
	int err;

	homa_trace_request_begins(&stamps, rpc, length);
	err = load_message(rpc, msg, length, &skb, &stamps.send);
	if (err)
		goto fail;
	if (put_user(id, id_to)) {
		err = homa_sock_error(hsk, -EFAULT, "sendmsg args not writable");
		goto fail_skb;
	}
	rcu_read_lock();
	err = homa_rpc_insert(rpc);
	if (err) {
		rcu_read_unlock();
		homa_sock_error(hsk, err, "socket is shut down");
		goto fail_skb;
	}
	homa_metric_inc(hsk->hnet, client_requests_started);
	homa_metric_add(hsk->hnet, client_request_bytes_started, length);
	if (skb) {
		homa_rpc_unlock(rpc);
		xmit_whole(hsk, peer, skb, id, length, more_follow(msg), &stamps.send);
		rcu_read_unlock();
		homa_trace_request_sent(&stamps, id, length, hsk->port, dport);
	} else {
		homa_trace_request_apart(&stamps, id, length);
		homa_tt_rpc_client(id, hsk->port, dport);
		homa_rpc_hold(rpc);
		homa_rpc_unlock(rpc);
		rcu_read_unlock();
		err = copy_and_send(rpc, &msg->msg_iter);
		if (err == -EFAULT)
			end_half_sent(rpc);
		homa_rpc_put(rpc);
		homa_trace_send_return(id);
	}
	return err;

fail_skb:
	kfree_skb(skb);
fail:
	homa_trace_request_apart(&stamps, id, length);
	homa_rpc_put(rpc);
	return err;
}

/* Waits until a new message is admitted. Return: 0 or an errno. */
static inline int wait_wmem(struct homa_sock *hsk, const struct msghdr *msg)
{
	if (likely(homa_sock_writable(hsk)))
		return 0;
	/* What is held has some. */
	homa_bundle_flush(hsk);
	return homa_sock_wait_wmem(hsk, msg->msg_flags & MSG_DONTWAIT);
}

static int send_request(struct homa_sock *hsk, const struct homa_remote *to,
			const struct homa_sendmsg_args *args, struct msghdr *msg, size_t length,
			u64 __user *id_to)
{
	struct homa_peer *peer;
	struct homa_rpc *rpc;
	int err;

	homa_metric_inc(hsk->hnet, send_calls);
	if (READ_ONCE(hsk->shutdown))
		return homa_sock_error(hsk, -ESHUTDOWN, "socket is shut down");
	err = wait_wmem(hsk, msg);
	if (err)
		return homa_sock_error(hsk, err, "no transmit memory");
	peer = homa_peer_get_recent(&hsk->recent_peer, hsk->hnet, &to->addr,
				    GFP_KERNEL_ACCOUNT);
	if (IS_ERR(peer))
		return homa_sock_error(hsk, PTR_ERR(peer), "no room for another peer");
	rpc = homa_rpc_new_client(hsk, peer, to->port);
	if (!rpc) {
		homa_peer_put(peer);
		return homa_sock_error(hsk, -ENOMEM, "no memory for an RPC");
	}
	rpc->cookie = args->completion_cookie;
	rpc->is_private = args->flags & HOMA_SENDMSG_PRIVATE;
	return start_request(hsk, rpc, msg, length, id_to);
}

/* Sends a loaded reply, unless the RPC is over: a client that is gone needs none. */
static int start_reply(struct homa_rpc *rpc, struct sk_buff *skb, struct msghdr *msg)
{
	struct homa_sock *hsk = rpc->hsk;
	u32 length = rpc->tx.length;
	int err;

	homa_rpc_lock(rpc);
	if (rpc->state == HOMA_RPC_DEAD) {
		homa_rpc_unlock(rpc);
		kfree_skb(skb);
		return 0;
	}
	rpc->state = HOMA_RPC_OUTGOING;
	homa_metric_inc(hsk->hnet, server_responses_started);
	homa_metric_add(hsk->hnet, server_response_bytes_started, length);
	homa_rpc_unlock(rpc);
	if (skb) {
		xmit_whole(hsk, rpc->peer, skb, rpc->id, length, more_follow(msg),
			   homa_reply_stamps(rpc));
		return 0;
	}
	homa_trace_reply_apart(rpc);
	err = copy_and_send(rpc, &msg->msg_iter);
	if (err == -EFAULT)
		end_half_sent(rpc);
	return err == -EINVAL ? 0 : err;
}

static int send_reply(struct homa_sock *hsk, const struct homa_remote *to,
		      const struct homa_sendmsg_args *args, struct msghdr *msg, size_t length)
{
	struct homa_rpc *rpc;
	struct sk_buff *skb;
	int err;

	homa_metric_inc(hsk->hnet, reply_calls);
	if (args->completion_cookie)
		return homa_sock_error(hsk, -EINVAL, "completion_cookie of a reply is not 0");
	rpc = homa_is_client(args->id) ? NULL :
	      homa_rpc_find_server(hsk, &to->addr, args->id);
	if (!rpc)
		return 0;
	if (rpc->state != HOMA_RPC_IN_SERVICE || rpc->replying) {
		homa_rpc_unlock(rpc);
		return homa_sock_error(hsk, -EINVAL, "reply to an RPC that expects none");
	}
	/* The reply is this thread's until it fails. */
	rpc->replying = true;
	homa_rpc_hold(rpc);
	homa_rpc_unlock(rpc);
	homa_trace_reply_begins(rpc, length);
	err = wait_wmem(hsk, msg);
	if (err)
		homa_sock_error(hsk, err, "no transmit memory");
	else
		err = load_message(rpc, msg, length, &skb, homa_reply_stamps(rpc));
	if (err) {
		homa_trace_reply_apart(rpc);
		homa_rpc_lock(rpc);
		rpc->replying = false;
		homa_rpc_unlock(rpc);
		homa_trace_send_return(rpc->id);
	} else {
		err = start_reply(rpc, skb, msg);
		homa_trace_reply_sent(rpc);
	}
	homa_rpc_put(rpc);
	return err;
}

static int read_send_args(struct homa_sendmsg_args *args,
			  const struct homa_sendmsg_args __user *from)
{
	if (!user_read_access_begin(from, sizeof(*from)))
		return -EFAULT;
	unsafe_get_user(args->id, &from->id, fault);
	unsafe_get_user(args->completion_cookie, &from->completion_cookie, fault);
	unsafe_get_user(args->flags, &from->flags, fault);
	unsafe_get_user(args->reserved, &from->reserved, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

/* What sendmsg was called with. Return: 0 or an errno. */
static inline int check_send(struct homa_sock *hsk, const struct msghdr *msg, size_t length,
			     struct homa_remote *to, struct homa_sendmsg_args *args)
{
	const struct homa_sendmsg_args __user *uargs = msg->msg_control_user;
	int err;

	/* With a length the core would have copied it, and we could not write. */
	if (!msg->msg_control_is_user || !uargs || msg->msg_controllen)
		return homa_sock_error(hsk, -EINVAL,
				       "msg_control must be the sendmsg args, msg_controllen 0");
	err = read_name(hsk, msg, to);
	if (err)
		return err;
	if (read_send_args(args, uargs))
		return homa_sock_error(hsk, -EFAULT, "sendmsg args not readable");
	if (args->flags & ~HOMA_SENDMSG_VALID_FLAGS || args->reserved)
		return homa_sock_error(hsk, -EINVAL, "unknown flag, or reserved field not 0");
	if (!length || length > HOMA_MAX_MESSAGE_LENGTH)
		return homa_sock_error(hsk, -EINVAL, "message length not 1 to 1000000");
	return 0;
}

/**
 * homa_sendmsg() - send a request or a reply
 * @sock: socket.
 * @msg: destination, payload and struct homa_sendmsg_args; with MSG_MORE or
 *	MSG_BATCH the packet may wait for the next call.
 * @length: bytes of the message.
 *
 * Return: 0 or an errno.
 */
int homa_sendmsg(struct socket *sock, struct msghdr *msg, size_t length)
{
	struct homa_sendmsg_args __user *uargs = msg->msg_control_user;
	struct homa_sock *hsk = homa_sk(sock->sk);
	struct homa_sendmsg_args args;
	struct homa_remote to;
	int err = check_send(hsk, msg, length, &to, &args);

	if (!err) {
		homa_delay(HOMA_DELAY_syscall, args.id);
		err = args.id ? send_reply(hsk, &to, &args, msg, length) :
				send_request(hsk, &to, &args, msg, length, &uargs->id);
		homa_pacer_passing(hsk->hnet);
	}
	/* An error ends sendmmsg(). */
	if (err || !more_follow(msg))
		homa_bundle_flush(hsk);
	return err;
}

/**
 * struct homa_delivery - what recvmsg reports
 * @rpc: RPC, with a reference.
 * @length: bytes of its message, or an errno.
 */
struct homa_delivery {
	struct homa_rpc *rpc;
	int length;
};

/*
 * The message is complete, or the RPC has failed: ends the client's part of
 * it, or lets the server's application work. Copying goes on without the lock:
 * nobody else touches the packets and bpages any more.
 */
static bool settle(struct homa_rpc *rpc, int err)
{
	homa_rpc_assert_locked(rpc);
	if (homa_rpc_is_client(rpc)) {
		homa_trace_ends(rpc, !err && !rpc->rx.gaps);
		return homa_rpc_end(rpc);
	}
	rpc->state = HOMA_RPC_IN_SERVICE;
	return false;
}

static void deliver_bpages(struct homa_rpc *rpc, struct homa_recvmsg_args *args)
{
	u32 i;

	args->num_bpages = rpc->rx.num_bpages;
	for (i = 0; i < args->num_bpages; i++)
		args->bpage_offsets[i] = rpc->rx.bpages[i];
	homa_pool_lend(rpc->hsk->pool, rpc->rx.bpages, rpc->rx.num_bpages);
	/* Those of a dead RPC would be freed with it. */
	rpc->rx.num_bpages = 0;
}

/* Packets were copied: the message may be granted again. Leaves @rpc locked. */
static noinline_for_stack void resume_grants(struct homa_rpc *rpc)
{
	struct homa_grant_list grants;

	grants.count = 0;
	homa_grant_progress(rpc, &grants);
	homa_rpc_unlock(rpc);
	homa_grant_send(&grants);
	homa_rpc_lock(rpc);
}

/**
 * work_on() - do what can be done for an RPC that was handed to this thread
 * @rpc: RPC with a reference.
 * @length: out: bytes of the message or an errno.
 *
 * Return: false if more must arrive, or it died: wait again.
 */
static bool work_on(struct homa_rpc *rpc, int *length)
{
	bool over = false, ended = false;
	struct sk_buff_head queue;
	int err = 0;

	__skb_queue_head_init(&queue);
	homa_rpc_lock(rpc);
	while (rpc->state != HOMA_RPC_DEAD && !over) {
		err = rpc->error;
		over = err || homa_rpc_received(rpc);
		if (!over && skb_queue_empty(&rpc->rx.queue)) {
			homa_trace_not_received(rpc);
			rpc->handed = false;
			if (homa_grant_paused(rpc))
				resume_grants(rpc);
			break;
		}
		if (!err) {
			skb_queue_splice_init(&rpc->rx.queue, &queue);
			rpc->rx.queued = 0;
		}
		if (over)
			ended = settle(rpc, err);
		homa_rpc_unlock(rpc);
		if (!skb_queue_empty(&queue))
			err = homa_copy_out(rpc, &queue);
		if (over)
			goto out;
		homa_rpc_lock(rpc);
		if (err && rpc->state != HOMA_RPC_DEAD) {
			/* The region is not writable; the rest is of no use. */
			over = true;
			ended = settle(rpc, err);
		}
	}
	if (rpc->state == HOMA_RPC_DEAD && !over)
		homa_trace_not_received(rpc);
	homa_rpc_unlock(rpc);
out:
	*length = err ?: rpc->rx.length;
	if (ended)
		homa_rpc_put(rpc);
	return over;
}

/* Tells the server, now or with the next packet, that it can forget @rpc. */
static void acknowledge(struct homa_rpc *rpc)
{
	if (homa_peer_add_ack(rpc->peer, rpc->id, rpc->dport))
		return;
	homa_metric_inc(rpc->hsk->hnet, ack_overflows);
	homa_xmit_ack(rpc->hsk, rpc->peer, rpc->dport, rpc->id);
}

static int check_recv(struct homa_sock *hsk, const struct homa_recvmsg_args *args)
{
	if (args->num_bpages > HOMA_MAX_BPAGES)
		return homa_sock_error(hsk, -EINVAL, "num_bpages larger than 16");
	if (args->reserved)
		return homa_sock_error(hsk, -EINVAL, "reserved field not 0");
	if (!READ_ONCE(hsk->pool))
		return homa_sock_error(hsk, -EINVAL, "no receive region (SO_HOMA_RCVBUF)");
	return 0;
}

static int return_bpages(struct homa_sock *hsk, struct homa_recvmsg_args *args)
{
	u32 count = args->num_bpages;
	int err;

	args->num_bpages = 0;
	if (!count)
		return 0;
	err = homa_pool_return(hsk->pool, args->bpage_offsets, count);
	homa_retry_buffers(hsk);
	return err ? homa_sock_error(hsk, err, "bpage offset not owned by the application") : 0;
}

static struct homa_rpc *wait_message(struct homa_sock *hsk, u64 id, bool nonblock,
				     struct homa_wait_stamps *stamps)
{
	struct homa_rpc *rpc = id ? homa_wait_private(hsk, id, nonblock, stamps) :
			       homa_wait_shared(hsk, nonblock, stamps);

	if (IS_ERR(rpc)) {
		homa_trace_in_vain(stamps, task_pid_nr(current), READ_ONCE(hsk->port));
	} else {
		homa_delay(HOMA_DELAY_wakeup, rpc->id);
		homa_trace_running(rpc, stamps, task_pid_nr(current), READ_ONCE(hsk->port));
	}
	return rpc;
}

/* Waits for a message and fills @args. Return: its length or an errno. */
static int receive(struct homa_sock *hsk, struct homa_recvmsg_args *args, struct msghdr *msg,
		   bool nonblock, struct homa_wait_stamps *stamps)
{
	u64 wanted = args->id;
	struct homa_rpc *rpc;
	int length;

	args->id = 0;
	args->completion_cookie = 0;
	for (;;) {
		rpc = wait_message(hsk, wanted, nonblock, stamps);
		if (IS_ERR(rpc))
			return homa_sock_error(hsk, PTR_ERR(rpc), "no message");
		if (work_on(rpc, &length))
			break;
		homa_rpc_put(rpc);
		homa_trace_waits_again(stamps);
	}
	args->id = rpc->id;
	if (homa_rpc_is_client(rpc))
		args->completion_cookie = rpc->cookie;
	if (length > 0) {
		deliver_bpages(rpc, args);
		write_name(hsk, msg, rpc);
		if (homa_rpc_is_client(rpc)) {
			acknowledge(rpc);
			homa_trace_reply_received(rpc, task_pid_nr(current), length);
		} else {
			homa_trace_request_received(rpc, task_pid_nr(current), length);
		}
	} else {
		homa_sock_error(hsk, length, length == -EFAULT ?
				"receive region not writable" : "RPC failed");
		homa_trace_failed(rpc, task_pid_nr(current));
	}
	homa_rpc_put(rpc);
	return length;
}

/* Only as many offsets as num_bpages says; by pointers, since checks of an index
 * would call functions while user memory is open.
 */
static int read_recv_args(struct homa_recvmsg_args *args,
			  const struct homa_recvmsg_args __user *from)
{
	const u32 __user *offset_from = from->bpage_offsets;
	u32 *offset = args->bpage_offsets;
	u32 i;

	if (!user_read_access_begin(from, sizeof(*from)))
		return -EFAULT;
	unsafe_get_user(args->id, &from->id, fault);
	unsafe_get_user(args->num_bpages, &from->num_bpages, fault);
	unsafe_get_user(args->reserved, &from->reserved, fault);
	for (i = 0; i < min_t(u32, args->num_bpages, HOMA_MAX_BPAGES); i++)
		unsafe_get_user(offset[i], offset_from + i, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

static int write_recv_args(const struct homa_recvmsg_args *args,
			   struct homa_recvmsg_args __user *to)
{
	const u32 *offset = args->bpage_offsets;
	u32 __user *offset_to = to->bpage_offsets;
	u32 i;

	if (!user_write_access_begin(to, sizeof(*to)))
		return -EFAULT;
	unsafe_put_user(args->id, &to->id, fault);
	unsafe_put_user(args->completion_cookie, &to->completion_cookie, fault);
	unsafe_put_user(args->num_bpages, &to->num_bpages, fault);
	for (i = 0; i < args->num_bpages; i++)
		unsafe_put_user(offset[i], offset_to + i, fault);
	user_write_access_end();
	return 0;
fault:
	user_write_access_end();
	return -EFAULT;
}

/**
 * homa_recvmsg() - receive a request or a response
 * @sock: socket.
 * @msg: struct homa_recvmsg_args; the sender's address is stored.
 * @length: ignored.
 * @flags: MSG_DONTWAIT.
 *
 * Return: length of the message, or an errno.
 */
int homa_recvmsg(struct socket *sock, struct msghdr *msg, size_t length, int flags)
{
	struct homa_recvmsg_args __user *uargs = msg->msg_control_user;
	struct homa_sock *hsk = homa_sk(sock->sk);
	struct homa_recvmsg_args args;
	struct homa_wait_stamps stamps;
	int err, result;

	homa_trace_recv_enters(&stamps, task_pid_nr(current), READ_ONCE(hsk->port));
	homa_bundle_flush(hsk);
	homa_metric_inc(hsk->hnet, recv_calls);
	if (!msg->msg_control_is_user || !uargs || msg->msg_controllen != sizeof(args))
		return homa_sock_error(hsk, -EINVAL, "msg_control must be the recvmsg args");
	if (read_recv_args(&args, uargs))
		return homa_sock_error(hsk, -EFAULT, "recvmsg args not readable");
	err = check_recv(hsk, &args);
	if (err)
		return err;
	result = return_bpages(hsk, &args);
	if (!result)
		result = receive(hsk, &args, msg, flags & MSG_DONTWAIT, &stamps);
	else
		args.id = 0;
	homa_delay(HOMA_DELAY_syscall, args.id);
	if (write_recv_args(&args, uargs))
		return homa_sock_error(hsk, -EFAULT, "recvmsg args not writable");
	return result;
}
