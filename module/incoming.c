// SPDX-License-Identifier: GPL-2.0-only
/* Packets that arrive: dispatch, reassembly, copying to the application. */

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/icmp.h>
#include "compat.h"
#include "copy_out.h"
#include "core.h"
#include "delay.h"
#include "folds.h"
#include "freeze.h"
#include "grant.h"
#include "gso.h"
#include "incoming.h"
#include "outgoing.h"
#include "pacer.h"
#include "resend.h"
#include "rxmem.h"
#include "steer.h"
#include "wait.h"

/* A thread is woken for this many bytes of a message, or for its end: for each
 * packet would cost a context switch where threads share the CPU.
 */
#define HOMA_COPY_BATCH 28000

/**
 * struct homa_input - a packet under way through input
 * @hnet: namespace.
 * @hsk: socket, with a reference; it stays for the next packet of a bundle.
 * @skb: the packet.
 * @saddr: where from.
 * @view: what it says.
 * @bundled: others follow at once.
 * @arrived: stamp of DATA that is a whole message, for traces; else 0.
 * @due: RPC to be looked at for grants after the last packet, or NULL.
 */
struct homa_input {
	struct homa_net *hnet;
	struct homa_sock *hsk;
	struct sk_buff *skb;
	bool bundled;
	u32 arrived;
	struct homa_rpc *due;
	struct in6_addr saddr;
	struct homa_wire_view view;
};

static enum skb_drop_reason skb_reason(enum homa_drop_reason why)
{
	switch (why) {
	case HOMA_DROP_SHORT:
		return SKB_DROP_REASON_PKT_TOO_SMALL;
	case HOMA_DROP_TYPE:
		return SKB_DROP_REASON_UNHANDLED_PROTO;
	case HOMA_DROP_NO_SOCKET:
	case HOMA_DROP_NOT_SERVING:
		return SKB_DROP_REASON_NO_SOCKET;
	case HOMA_DROP_NO_BUFFERS:
	case HOMA_DROP_RCVBUF:
		return SKB_DROP_REASON_SOCKET_RCVBUFF;
	case HOMA_DROP_GAPS:
		return SKB_DROP_REASON_PROTO_MEM;
	case HOMA_DROP_NO_MEMORY:
		return SKB_DROP_REASON_NOMEM;
	default:
		return SKB_DROP_REASON_NOT_SPECIFIED;
	}
}

static void drop(struct homa_net *hnet, struct sk_buff *skb, u64 id, enum homa_drop_reason why)
{
	homa_metric_inc(hnet, drops[why]);
	homa_trace_drop(id, why);
	kfree_skb_reason(skb, skb_reason(why));
}

/* Space for the message, or a place among those that wait for it. */
static bool get_buffers(struct homa_rpc *rpc)
{
	struct homa_sock *hsk = rpc->hsk;
	int count = homa_pool_alloc(hsk->pool, rpc->rx.length, rpc->rx.bpages);
	struct homa_rpc *other;

	if (count > 0) {
		rpc->rx.num_bpages = count;
		return true;
	}
	homa_metric_inc(hsk->hnet, buffer_alloc_failures);
	homa_trace_buf_stall(rpc->id, rpc->rx.length);
	spin_lock(&hsk->lock);
	if (list_empty(&rpc->buf_link)) {
		list_for_each_entry(other, &hsk->buf_waiters, buf_link) {
			if (other->rx.length > rpc->rx.length)
				break;
		}
		list_add_tail(&rpc->buf_link, &other->buf_link);
	}
	spin_unlock(&hsk->lock);
	return false;
}

/**
 * homa_retry_buffers() - serve messages that wait for space in the region
 * @hsk: socket. No lock held.
 */
void homa_retry_buffers(struct homa_sock *hsk)
{
	while (!list_empty_careful(&hsk->buf_waiters)) {
		struct homa_rpc *rpc;

		spin_lock_bh(&hsk->lock);
		rpc = list_first_entry_or_null(&hsk->buf_waiters, struct homa_rpc, buf_link);
		if (rpc) {
			list_del_init(&rpc->buf_link);
			homa_rpc_hold(rpc);
		}
		spin_unlock_bh(&hsk->lock);
		if (!rpc)
			return;
		homa_rpc_lock(rpc);
		if (rpc->state == HOMA_RPC_DEAD || rpc->rx.num_bpages) {
			homa_rpc_unlock(rpc);
		} else if (get_buffers(rpc)) {
			/* What came was dropped: all again, behind what others wait for. */
			rpc->silence = 0;
			homa_rpc_unlock(rpc);
			homa_xmit_resend(rpc, 0, HOMA_RESEND_ALL, 1);
		} else {
			homa_rpc_unlock(rpc);
			homa_rpc_put(rpc);
			return;
		}
		homa_rpc_put(rpc);
	}
}

/* First DATA of a message. */
static enum homa_drop_reason start_message(struct homa_rpc *rpc, const struct homa_wire_data *data)
{
	struct homa_sock *hsk = rpc->hsk;

	if (data->payload_bytes != data->message_length) {
		if (!homa_rpc_add_gaps(rpc, data->message_length))
			return HOMA_DROP_NO_MEMORY;
		if (!homa_rpc_is_client(rpc))
			homa_tt_rpc_server(rpc->id, rpc->dport, hsk->port);
	}
	rpc->rx.length = data->message_length;
	rpc->rx.missing = data->message_length;
	rpc->rx.granted = max(data->incoming, data->offset + data->payload_bytes);
	if (homa_rpc_is_client(rpc)) {
		rpc->state = HOMA_RPC_INCOMING;
		if (unlikely(READ_ONCE(rpc->peer->errors_over) !=
			     READ_ONCE(rpc->peer->num_errors)))
			WRITE_ONCE(rpc->peer->errors_over, READ_ONCE(rpc->peer->num_errors));
		homa_metric_inc(hsk->hnet, client_responses_started);
		homa_metric_add(hsk->hnet, client_response_bytes_started, rpc->rx.length);
	} else {
		rpc->response_unsched = data->response_unsched;
		homa_metric_inc(hsk->hnet, server_requests_started);
		homa_metric_add(hsk->hnet, server_request_bytes_started, rpc->rx.length);
	}
	get_buffers(rpc);
	return HOMA_DROP_NONE;
}

/* Records the arrival of a packet. */
static enum homa_drop_reason note_arrival(struct homa_rpc *rpc, const struct homa_wire_data *data)
{
	struct homa_net *hnet = rpc->hsk->hnet;
	int added = 0;

	if (rpc->rx.gaps) {
		if (data->offset > rpc->rx.gaps->end)
			homa_metric_inc(hnet, gaps_created);
		added = homa_gaps_add(rpc->rx.gaps, data->offset,
				      data->offset + data->payload_bytes);
		if (added < 0)
			return HOMA_DROP_GAPS;
	} else if (rpc->rx.missing && data->payload_bytes == rpc->rx.length) {
		added = rpc->rx.length;
	}
	if (!added) {
		if (data->retransmit)
			homa_metric_inc(hnet, resent_discards);
		else
			homa_metric_inc(hnet, packet_discards);
		return HOMA_DROP_DUPLICATE;
	}
	if (data->retransmit)
		homa_metric_inc(hnet, resent_packets_used);
	rpc->rx.missing -= added;
	return HOMA_DROP_NONE;
}

static void message_complete(struct homa_rpc *rpc, u32 arrived)
{
	struct homa_net *hnet = rpc->hsk->hnet;

	homa_trace_complete(rpc, arrived);
	homa_metrics_message(hnet->metrics, rpc->rx.length);
	if (homa_rpc_is_client(rpc)) {
		homa_metric_inc(hnet, client_responses_done);
		homa_metric_add(hnet, client_response_bytes_done, rpc->rx.length);
	} else {
		homa_metric_inc(hnet, server_requests_done);
		homa_metric_add(hnet, server_request_bytes_done, rpc->rx.length);
	}
}

static enum homa_drop_reason store(struct homa_rpc *rpc, struct homa_input *in)
{
	const struct homa_wire_data *data = &in->view.data;
	enum homa_drop_reason why;

	if (rpc->error || rpc->state == HOMA_RPC_IN_SERVICE ||
	    (rpc->state == HOMA_RPC_OUTGOING && !homa_rpc_is_client(rpc)))
		return HOMA_DROP_STATE;
	if (!rpc->rx.length) {
		why = start_message(rpc, data);
		if (why)
			return why;
	} else {
		if (rpc->rx.length != data->message_length)
			return HOMA_DROP_LENGTH_CHANGED;
		homa_trace_arrived_apart(&in->arrived, rpc->id, data->payload_bytes);
	}
	rpc->silence = 0;
	if (!rpc->rx.num_bpages) {
		homa_metric_add(in->hnet, dropped_data_no_bufs, data->payload_bytes);
		if (in->arrived && !homa_rpc_is_client(rpc))
			homa_tt_rpc_server(rpc->id, rpc->dport, rpc->hsk->port);
		return HOMA_DROP_NO_BUFFERS;
	}
	/* Beyond the limit one packet a message may wait, so that all advance. */
	if (unlikely(!homa_rxmem_room(rpc->hsk, in->skb->truesize)) &&
	    !skb_queue_empty(&rpc->rx.queue))
		return HOMA_DROP_RCVBUF;
	why = note_arrival(rpc, data);
	if (why)
		return why;

	*homa_rx_cb(in->skb) = (struct homa_rx_cb) {
		.offset = data->offset,
		.bytes = data->payload_bytes,
		.header_bytes = in->view.header_bytes,
	};
	/* The route must not outlive its device in our queue. */
	skb_dst_drop(in->skb);
	atomic_add(in->skb->truesize, &homa_to_sk(rpc->hsk)->sk_rmem_alloc);
	__skb_queue_tail(&rpc->rx.queue, in->skb);
	rpc->rx.queued += data->payload_bytes;

	if (!rpc->grant.managed && rpc->rx.missing && rpc->rx.granted < rpc->rx.length)
		homa_grant_join(rpc, in->skb->dev->ifindex, ktime_get_ns());
	if (!rpc->rx.missing)
		message_complete(rpc, in->arrived);
	if (!rpc->rx.missing || rpc->rx.queued >= HOMA_COPY_BATCH)
		homa_handoff(rpc);
	return HOMA_DROP_NONE;
}

/* Looks for grants after a packet of a message that needs them. Unlocks @rpc. */
static noinline_for_stack void grant_unlock(struct homa_rpc *rpc)
{
	struct homa_grant_list grants;

	grants.count = 0;
	homa_grant_progress(rpc, &grants);
	if (homa_grant_paused(rpc))
		homa_handoff(rpc);
	homa_rpc_unlock(rpc);
	homa_grant_send(&grants);
}

/* The grants that packets of a bundle call for. No lock held. */
static void grant_due(struct homa_input *in)
{
	struct homa_rpc *rpc = in->due;

	if (!rpc)
		return;
	in->due = NULL;
	homa_rpc_lock(rpc);
	if (rpc->grant.managed)
		grant_unlock(rpc);
	else
		homa_rpc_unlock(rpc);
	homa_rpc_put(rpc);
}

/* Leaves the grants for a locked RPC to the last packet of it in a bundle. Unlocks it. */
static void grant_later_unlock(struct homa_input *in, struct homa_rpc *rpc)
{
	bool other = in->due != rpc;

	if (other)
		homa_rpc_hold(rpc);
	homa_rpc_unlock(rpc);
	if (other) {
		grant_due(in);
		in->due = rpc;
	}
}

/* The client has our reply. Unlocks @rpc. */
static void acked(struct homa_rpc *rpc)
{
	homa_peer_heard(rpc->peer);
	homa_rpc_end_unlock(rpc);
}

/* The client says that RPC @ack is over. */
static void take_ack(const struct homa_input *in, const struct homa_wire_ack *ack)
{
	/* It may be for another socket, but seldom is. */
	bool own = ack->server_port == in->view.dport;
	struct homa_sock *hsk = own ? in->hsk : homa_sock_find(in->hnet, ack->server_port);
	struct homa_rpc *rpc;

	if (!hsk)
		return;
	rpc = homa_rpc_find_server(hsk, &in->saddr, homa_peer_id(ack->client_id));
	if (rpc)
		acked(rpc);
	if (!own)
		homa_sock_put(hsk);
}

/* RPC the packet belongs to, locked, or NULL. */
static struct homa_rpc *find_rpc(const struct homa_input *in)
{
	struct homa_rpc *rpc;

	if (!homa_is_client(in->view.local_id))
		return homa_rpc_find_server(in->hsk, &in->saddr, in->view.local_id);
	rpc = homa_rpc_find_client(in->hsk, in->view.local_id);
	/* Nobody but the server may speak for it. */
	if (rpc && !ipv6_addr_equal(&rpc->peer->key.addr, &in->saddr)) {
		homa_rpc_unlock(rpc);
		rpc = NULL;
	}
	return rpc;
}

/* The sender does not know our levels: tells it, once a jiffy at most. */
static void tell_cutoffs(struct homa_input *in, struct homa_peer *peer)
{
	if (READ_ONCE(peer->cutoffs_told) == jiffies)
		return;
	WRITE_ONCE(peer->cutoffs_told, jiffies);
	homa_xmit_cutoffs(in->hsk, peer, in->view.sport, in->view.local_id);
}

static void data_in(struct homa_input *in)
{
	enum homa_drop_reason why = HOMA_DROP_NO_RPC;
	struct homa_wire_view *view = &in->view;
	struct homa_peer *untold = NULL;
	struct homa_rpc *rpc = NULL;

	homa_metric_inc(in->hnet, packets_rcvd_DATA);
	trace_homa_data_in(view->local_id, view->data.offset, view->data.payload_bytes);
	in->arrived = 0;
	if (view->data.payload_bytes == view->data.message_length)
		homa_tt_stamp(&in->arrived);
	else
		homa_tt_data_in(view->local_id, view->data.offset, view->data.payload_bytes);
	if (view->data.ack.client_id)
		take_ack(in, &view->data.ack);
	if (homa_is_client(view->local_id))
		rpc = find_rpc(in);
	else if (READ_ONCE(in->hsk->pool))
		rpc = homa_rpc_find_or_new_server(in->hsk, &in->saddr, view, &why);
	else
		why = HOMA_DROP_NO_BUFFERS;
	if (!rpc) {
		if (why == HOMA_DROP_NO_RPC)
			homa_metric_inc(in->hnet, unknown_rpcs);
		homa_trace_arrived_apart(&in->arrived, view->local_id, view->data.payload_bytes);
		drop(in->hnet, in->skb, view->local_id, why);
		return;
	}
	if (unlikely(!in->hsk->pool)) {
		/* No region: the response can never be delivered. */
		why = HOMA_DROP_NO_BUFFERS;
		homa_rpc_fail(rpc, -EINVAL);
	} else {
		why = store(rpc, in);
		/* Peers live as long as this softirq's RCU section. */
		if (unlikely(view->data.cutoff_version !=
			     READ_ONCE(in->hnet->tun.cutoff_version)) &&
		    why != HOMA_DROP_NO_BUFFERS)
			untold = rpc->peer;
		if (unlikely(rpc->grant.managed)) {
			if (in->bundled)
				grant_later_unlock(in, rpc);
			else
				grant_unlock(rpc);
		} else {
			homa_rpc_unlock(rpc);
		}
	}
	if (untold)
		tell_cutoffs(in, untold);
	if (why) {
		homa_trace_arrived_apart(&in->arrived, view->local_id, view->data.payload_bytes);
		drop(in->hnet, in->skb, view->local_id, why);
	}
}

/* Sends a packet without payload to the host a packet came from. */
static void answer(const struct homa_input *in, enum homa_type type)
{
	struct homa_peer *peer = homa_peer_get(in->hnet, &in->saddr, GFP_ATOMIC);

	if (IS_ERR(peer))
		return;
	if (type == HOMA_ACK)
		homa_xmit_ack(in->hsk, peer, in->view.sport, in->view.local_id);
	else
		homa_xmit_plain(in->hsk, peer, in->view.sport, in->view.local_id, type);
	homa_peer_put(peer);
}

static void grant_in(struct homa_rpc *rpc, const struct homa_wire_view *view)
{
	homa_trace_grant_in(rpc->id, view->grant.offset, view->grant.priority);
	rpc->silence = 0;
	if (rpc->state != HOMA_RPC_OUTGOING || !rpc->tx.length)
		return;
	rpc->tx.done_ticks = 0;
	rpc->tx.level = view->grant.priority;
	if (view->grant.offset > rpc->tx.granted)
		rpc->tx.granted = min(view->grant.offset, rpc->tx.length);
	homa_xmit_data(rpc);
}

static void busy(struct homa_rpc *rpc)
{
	homa_rpc_unlock(rpc);
	homa_xmit_plain(rpc->hsk, rpc->peer, rpc->dport, rpc->id, HOMA_BUSY);
	homa_rpc_lock(rpc);
}

static void resend_in(struct homa_rpc *rpc, const struct homa_wire_resend *resend)
{
	u32 sent = rpc->tx.sent;
	u32 end = resend->all ? sent : resend->end;

	if (!rpc->tx.length || (!homa_rpc_is_client(rpc) && rpc->state != HOMA_RPC_OUTGOING)) {
		busy(rpc);
		return;
	}
	rpc->tx.done_ticks = 0;
	homa_resend_data(rpc, resend->offset, end, resend->priority);
	if (rpc->state != HOMA_RPC_OUTGOING)
		return;
	/* Who asks for more than was granted has lost its GRANT. */
	if (end > rpc->tx.granted)
		rpc->tx.granted = min(end, rpc->tx.length);
	/* There may have been no route when it was to be sent. */
	homa_xmit_data(rpc);
	if (resend->offset >= sent)
		busy(rpc);
}

/* The peer does not know the RPC. Unlocks it. */
static void unknown_in(struct homa_rpc *rpc)
{
	if (!homa_rpc_is_client(rpc)) {
		homa_metric_inc(rpc->hsk->hnet, server_rpcs_unknown);
		homa_rpc_end_unlock(rpc);
		return;
	}
	if (rpc->state == HOMA_RPC_OUTGOING)
		homa_resend_data(rpc, 0, rpc->tx.sent,
				 homa_peer_unsched_level(rpc->peer, rpc->tx.length));
	if (rpc->state == HOMA_RPC_OUTGOING)
		homa_xmit_data(rpc);
	homa_rpc_unlock(rpc);
}

/* The server wants to forget the RPC. Unlocks it. */
static void need_ack_in(struct homa_rpc *rpc)
{
	if (homa_rpc_received(rpc)) {
		homa_rpc_unlock(rpc);
		homa_xmit_ack(rpc->hsk, rpc->peer, rpc->dport, rpc->id);
	} else {
		homa_request_missing(rpc);
	}
}

static void cutoffs_in(struct homa_input *in)
{
	struct homa_peer *peer = homa_peer_get(in->hnet, &in->saddr, GFP_ATOMIC);
	u32 i;

	if (IS_ERR(peer))
		return;
	for (i = 0; i < HOMA_MAX_PRIORITIES; i++)
		WRITE_ONCE(peer->cutoffs[i], in->view.cutoffs.value[i]);
	WRITE_ONCE(peer->cutoff_version, in->view.cutoffs.version);
	homa_peer_put(peer);
}

static void acks_in(struct homa_input *in)
{
	struct homa_wire_view *view = &in->view;
	struct homa_rpc *rpc;
	u32 i;

	rpc = find_rpc(in);
	if (rpc)
		acked(rpc);
	for (i = 0; i < view->acks.count; i++)
		take_ack(in, &view->acks.entry[i]);
}

static void count_control(struct homa_net *hnet, enum homa_type type)
{
	switch (type) {
	case HOMA_GRANT:
		homa_metric_inc(hnet, packets_rcvd_GRANT);
		break;
	case HOMA_RESEND:
		homa_metric_inc(hnet, packets_rcvd_RESEND);
		break;
	case HOMA_RPC_UNKNOWN:
		homa_metric_inc(hnet, packets_rcvd_RPC_UNKNOWN);
		break;
	case HOMA_BUSY:
		homa_metric_inc(hnet, packets_rcvd_BUSY);
		break;
	case HOMA_CUTOFFS:
		homa_metric_inc(hnet, packets_rcvd_CUTOFFS);
		break;
	case HOMA_FREEZE:
		homa_metric_inc(hnet, packets_rcvd_FREEZE);
		break;
	case HOMA_NEED_ACK:
		homa_metric_inc(hnet, packets_rcvd_NEED_ACK);
		break;
	case HOMA_ACK:
		homa_metric_inc(hnet, packets_rcvd_ACK);
		break;
	default:
		break;
	}
}

/* A control packet for an RPC that exists; locked, unlocked on return. */
static void rpc_control(struct homa_rpc *rpc, const struct homa_wire_view *view)
{
	homa_rpc_hold(rpc);
	switch (view->type) {
	case HOMA_GRANT:
		grant_in(rpc, view);
		homa_rpc_unlock(rpc);
		break;
	case HOMA_RESEND:
		resend_in(rpc, &view->resend);
		homa_rpc_unlock(rpc);
		break;
	case HOMA_RPC_UNKNOWN:
		unknown_in(rpc);
		break;
	case HOMA_NEED_ACK:
		need_ack_in(rpc);
		break;
	default: /* BUSY: all it says is that the peer is alive */
		rpc->silence = 0;
		homa_rpc_unlock(rpc);
		break;
	}
	homa_rpc_put(rpc);
}

static enum homa_drop_reason control_in(struct homa_input *in)
{
	struct homa_wire_view *view = &in->view;
	struct homa_rpc *rpc;

	homa_trace_ctrl_in(view->local_id, view->type,
			   view->type == HOMA_RESEND ? view->resend.offset : 0);
	if (view->type == HOMA_CUTOFFS) {
		cutoffs_in(in);
		return HOMA_DROP_NONE;
	}
	if (view->type == HOMA_ACK) {
		acks_in(in);
		return HOMA_DROP_NONE;
	}
	rpc = find_rpc(in);
	if (rpc) {
		rpc_control(rpc, view);
		return HOMA_DROP_NONE;
	}
	homa_metric_inc(in->hnet, unknown_rpcs);
	if (view->type == HOMA_RESEND)
		answer(in, HOMA_RPC_UNKNOWN);
	else if (view->type == HOMA_NEED_ACK)
		answer(in, HOMA_ACK);
	return HOMA_DROP_NO_RPC;
}

/* Tells the sender that nobody serves this port. */
static void port_unreachable(struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
#if IS_ENABLED(CONFIG_IPV6)
	else
		icmpv6_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
#endif
}

/* True if the packet's IP version is one the socket speaks. */
static bool family_fits(const struct homa_sock *hsk, const struct homa_input *in)
{
	const struct sock *sk = &hsk->inet.sk;

	if (ipv6_addr_v4mapped(&in->saddr))
		return sk->sk_family == AF_INET || !ipv6_only_sock(sk);
	return sk->sk_family == AF_INET6;
}

/* True if the socket takes packets from the device. */
static bool device_fits(const struct homa_sock *hsk, const struct sk_buff *skb)
{
	int device = READ_ONCE(hsk->inet.sk.sk_bound_dev_if);

	/* Behind a master the packet carries its name and its member's. */
	return likely(!device) || device == skb->dev->ifindex || device == skb->skb_iif;
}

/* The socket of the packet before in a bundle is that of this one. */
static enum homa_drop_reason find_sock(struct homa_input *in)
{
	if (!in->hsk)
		in->hsk = homa_sock_find(in->hnet, in->view.dport);
	if (!in->hsk || !family_fits(in->hsk, in) || !device_fits(in->hsk, in->skb))
		return HOMA_DROP_NO_SOCKET;
	if (!homa_is_client(in->view.local_id) && !READ_ONCE(in->hsk->is_server))
		return HOMA_DROP_NOT_SERVING;
	return HOMA_DROP_NONE;
}

static enum homa_drop_reason read_packet(struct homa_input *in)
{
	struct sk_buff *skb = in->skb;

	if (skb->pkt_type != PACKET_HOST)
		return HOMA_DROP_NOT_ALLOWED;
	/* Payload stays in its pages: most headers are not longer than that of DATA. */
	if (!pskb_may_pull(skb, min_t(u32, skb->len, sizeof(struct homa_data_hdr))))
		return HOMA_DROP_NO_MEMORY;
	if (skb->len > sizeof(struct homa_data_hdr) &&
	    skb->data[offsetof(struct homa_common_hdr, type)] != HOMA_DATA &&
	    !pskb_may_pull(skb, min_t(u32, skb->len, HOMA_MAX_HDR_BYTES)))
		return HOMA_DROP_NO_MEMORY;
	return homa_wire_parse(skb->data, skb->len, READ_ONCE(in->hnet->tun.num_priorities),
			       &in->view);
}

/* One packet; consumes it. Not inlined, so that what it calls is. */
static noinline void rcv_packet(struct homa_input *in, struct sk_buff *skb)
{
	enum homa_drop_reason why;
	u64 id = 0;

	in->skb = skb;
	why = read_packet(in);
	if (why)
		goto drop;
	if (skb->protocol == htons(ETH_P_IP))
		ipv6_addr_set_v4mapped(ip_hdr(skb)->saddr, &in->saddr);
	else
		in->saddr = ipv6_hdr(skb)->saddr;
	id = in->view.local_id;
	homa_delay_packet(id);
	if (in->view.type != HOMA_DATA)
		count_control(in->hnet, in->view.type);
	if (in->view.type == HOMA_FREEZE) {
		why = homa_freeze_in(in->hnet, &in->saddr, in->view.freeze.capture);
		if (why)
			goto drop;
		consume_skb(skb);
		return;
	}
	why = find_sock(in);
	if (why) {
		/* ICMP is rate-limited: one for each message, if possible. */
		if (in->view.type != HOMA_DATA || !in->view.data.offset)
			port_unreachable(skb);
		goto drop;
	}
	if (in->view.type == HOMA_DATA) {
		data_in(in);
		return;
	}
	why = control_in(in);
	if (why)
		goto drop;
	consume_skb(skb);
	return;
drop:
	drop(in->hnet, skb, id, why);
}

static inline void begin_input(struct homa_input *in, struct homa_net *hnet, bool bundled)
{
	homa_core_input();
	in->hnet = hnet;
	in->hsk = NULL;
	in->bundled = bundled;
	in->due = NULL;
}

static inline void end_input(struct homa_input *in)
{
	if (in->hsk)
		homa_sock_put(in->hsk);
	homa_pacer_passing(in->hnet);
	homa_core_done();
}

/* A bundle, or a packet whose payload says in places where it belongs: takes it apart. */
static noinline_for_stack void rcv_several(struct homa_net *hnet, struct sk_buff *skb)
{
	struct sk_buff *segs, *seg, *next;
	struct homa_input in;

	begin_input(&in, hnet, true);
	if (homa_gso_is_bundle(skb)) {
		homa_metric_inc(in.hnet, gro_bundles);
		homa_metric_add(in.hnet, gro_bundled, skb_shinfo(skb)->gso_segs);
		homa_trace_bundle_in(skb_shinfo(skb)->gso_segs, skb->len);
	}
	__skb_push(skb, -skb_mac_offset(skb));
	segs = __skb_gso_segment(skb, NETIF_F_SG | NETIF_F_HW_CSUM, false);
	if (IS_ERR_OR_NULL(segs)) {
		drop(in.hnet, skb, 0,
		     segs == ERR_PTR(-ENOMEM) ? HOMA_DROP_NO_MEMORY : HOMA_DROP_RANGE);
		return;
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		__skb_pull(seg, skb_transport_offset(seg));
		if (!homa_steer(in.hnet, seg))
			rcv_packet(&in, seg);
	}
	grant_due(&in);
	end_input(&in);
}

static __always_inline void rcv_single(struct homa_net *hnet, struct sk_buff *skb)
{
	struct homa_input in;

	begin_input(&in, hnet, false);
	rcv_packet(&in, skb);
	end_input(&in);
}

/**
 * homa_rcv_steered() - a packet that is on the right CPU
 * @skb: packet without IP header, no bundle; consumed.
 *
 * Softirq, under rcu_read_lock().
 */
void homa_rcv_steered(struct sk_buff *skb)
{
	rcv_single(homa_net(dev_net(skb->dev)), skb);
}

/**
 * homa_rcv() - protocol input, for IPv4 and IPv6
 * @skb: packet without IP header; consumed.
 *
 * Softirq, under rcu_read_lock(). Return: 0.
 */
int homa_rcv(struct sk_buff *skb)
{
	struct homa_net *hnet = homa_net(dev_net(skb->dev));

	if (unlikely(skb_is_gso(skb)) &&
	    (homa_gso_is_bundle(skb) || homa_gso_repeats_offset(skb)))
		rcv_several(hnet, skb);
	else if (!homa_steer(hnet, skb))
		rcv_single(hnet, skb);
	return 0;
}
