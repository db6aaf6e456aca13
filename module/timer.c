// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one periodic pass over all RPCs of a namespace. It runs only while there
 * are any, in softirq when they are few, else in process context, where it can
 * be interrupted between two RPCs.
 */

#include <linux/log2.h>
#include "bundle.h"
#include "compat.h"
#include "folds.h"
#include "freeze.h"
#include "grant.h"
#include "incoming.h"
#include "outgoing.h"
#include "pacer.h"
#include "resend.h"
#include "rxmem.h"
#include "timer.h"
#include "wait.h"

/* RPCs looked at in one softirq. */
#define HOMA_TICK_SOFTIRQ_RPCS 64

/* A pass may take one part in so many of the time: on a slow or busy machine
 * ticks become longer, up to so many times, rather than starve the rest.
 */
#define HOMA_TICK_SHARE 4
#define HOMA_MAX_TICKS 100

/* A reply nobody acknowledges or grants is kept for so many timeout_ticks. */
#define HOMA_REPLY_TIMEOUTS 10

/* Where hosts found no place: for so many, after which client and server have given
 * up an RPC that nobody acknowledged.
 */
#define HOMA_UNHEARD_TIMEOUTS 2

/* True if the peer cannot do anything before we have sent, which the link or the
 * application delays. Where there was no route it is the peer who has to ask.
 */
static bool still_sending(const struct homa_rpc *rpc)
{
	const struct homa_rpc_tx *tx = &rpc->tx;

	return tx->sent < tx->granted &&
	       (tx->active || tx->ready < tx->length || READ_ONCE(rpc->pace.link));
}

/* A server's reply is waited for by the client, not by us. Unlocks @rpc. */
static void tick_reply(struct homa_rpc *rpc)
{
	const struct homa_tunables *tun = &rpc->hsk->hnet->tun;
	u32 wait = READ_ONCE(tun->request_ack_ticks);
	u32 ticks;

	rpc->silence = 0;
	if (still_sending(rpc)) {
		homa_rpc_unlock(rpc);
		return;
	}
	ticks = ++rpc->tx.done_ticks;
	if (ticks >= HOMA_REPLY_TIMEOUTS * READ_ONCE(tun->timeout_ticks)) {
		homa_metric_inc(rpc->hsk->hnet, rpc_timeouts);
		homa_trace_rpc_timeout(rpc->id, ticks);
		homa_rpc_fail(rpc, -ETIMEDOUT);
		return;
	}
	homa_rpc_unlock(rpc);
	/* At growing distances: a client that is gone never answers. */
	if (rpc->tx.sent == rpc->tx.length && ticks >= wait &&
	    (ticks == wait || is_power_of_2(ticks - wait)))
		homa_xmit_plain(rpc->hsk, rpc->peer, rpc->dport, rpc->id, HOMA_NEED_ACK);
}

/* True if the peer owes us something. */
static bool peer_owes(const struct homa_rpc *rpc)
{
	if (rpc->error || rpc->state == HOMA_RPC_IN_SERVICE)
		return false;
	if (rpc->state == HOMA_RPC_OUTGOING)
		return !still_sending(rpc);
	return rpc->rx.num_bpages && rpc->rx.missing &&
	       rpc->rx.length - rpc->rx.missing < READ_ONCE(rpc->rx.granted);
}

/* Error of the peer that ends @rpc, or 0. */
static int new_peer_error(struct homa_rpc *rpc)
{
	u32 since = rpc->errors_seen;

	if (likely(READ_ONCE(rpc->peer->num_errors) == since))
		return 0;
	rpc->errors_seen = READ_ONCE(rpc->peer->num_errors);
	if (homa_rpc_is_client(rpc) && homa_rpc_received(rpc))
		return 0;
	/* A router's word does not end what a client may still ask for: it would
	 * be executed again. Its own host's word on the port does.
	 */
	return homa_peer_error(rpc->peer, rpc->dport, !homa_rpc_is_client(rpc), since);
}

/* Whether a host that found no place may have that of the client of @rpc: nobody
 * knows whether it exists, no application has its request, or it leaves a reply
 * alone. What an application has must not be executed again.
 */
static bool gives_way(const struct homa_rpc *rpc)
{
	const struct homa_tunables *tun = &rpc->hsk->hnet->tun;

	if (homa_rpc_is_client(rpc) || READ_ONCE(rpc->peer->known))
		return false;
	return rpc->state == HOMA_RPC_INCOMING ||
	       (rpc->state == HOMA_RPC_OUTGOING &&
		rpc->tx.done_ticks >= HOMA_UNHEARD_TIMEOUTS * READ_ONCE(tun->timeout_ticks));
}

/* Ends @rpc; unlocks it. Return: places that become free. */
static u32 make_place(struct homa_rpc *rpc)
{
	homa_metric_inc(rpc->hsk->hnet, server_rpcs_displaced);
	homa_rpc_end_unlock(rpc);
	homa_peer_offer(rpc->peer);
	/* References: the table's and the RPC's. */
	return refcount_read(&rpc->peer->refs) <= 2;
}

/**
 * struct pass - of all RPCs of a namespace
 * @wanted: places for hosts that found none.
 * @open: RPCs that something happens with: no replies that have waited for an ACK all along
 *	since the pass before.
 */
struct pass {
	u32 wanted;
	u32 open;
};

/* One tick of an RPC that the caller holds a reference of. */
static void tick_rpc(struct homa_rpc *rpc, struct pass *pass)
{
	const struct homa_tunables *tun = &rpc->hsk->hnet->tun;
	u32 first = READ_ONCE(tun->resend_ticks);
	int error;

	homa_rpc_lock(rpc);
	if (rpc->state == HOMA_RPC_DEAD) {
		homa_rpc_unlock(rpc);
		return;
	}
	homa_trace_flush(rpc);
	if (unlikely(pass->wanted) && gives_way(rpc)) {
		pass->wanted -= make_place(rpc);
		return;
	}
	pass->open += homa_rpc_is_client(rpc) || rpc->tx.done_ticks < 2;
	error = new_peer_error(rpc);
	if (unlikely(error)) {
		homa_rpc_fail(rpc, error);
	} else if (rpc->state == HOMA_RPC_OUTGOING && !homa_rpc_is_client(rpc)) {
		tick_reply(rpc);
	} else if (!peer_owes(rpc)) {
		rpc->silence = 0;
		homa_rpc_unlock(rpc);
	} else if (++rpc->silence >= READ_ONCE(tun->timeout_ticks)) {
		homa_metric_inc(rpc->hsk->hnet, rpc_timeouts);
		homa_trace_rpc_timeout(rpc->id, rpc->silence);
		/* Hosts send few ICMP errors: the last ones explain the silence. */
		error = homa_peer_error(rpc->peer, rpc->dport, false,
					READ_ONCE(rpc->peer->errors_over));
		homa_rpc_fail(rpc, error ?: -ETIMEDOUT);
	} else if (rpc->silence >= first &&
		   !((rpc->silence - first) % READ_ONCE(tun->resend_interval))) {
		homa_request_missing(rpc);
	} else {
		homa_rpc_unlock(rpc);
	}
}

static void scan(struct homa_net *hnet, bool may_sleep)
{
	struct homa_sock *hsk = NULL;
	u64 start_ns = ktime_get_ns(), took_ns;
	struct pass pass = { .wanted = homa_peer_refused(hnet) };

	while ((hsk = homa_sock_next(hnet, hsk))) {
		struct homa_rpc *rpc = NULL;

		homa_rxmem_trim(hsk, true);
		homa_wake_held(hsk);
		homa_bundle_flush(hsk);
		if (!READ_ONCE(hsk->num_rpcs))
			continue;

		while ((rpc = homa_rpc_next(hsk, rpc))) {
			tick_rpc(rpc, &pass);
			if (may_sleep)
				cond_resched();
		}
		homa_retry_buffers(hsk);
	}
	/* What one pass finds varies; strategies shall not go to and fro with it. */
	WRITE_ONCE(hnet->open_rpcs, max(pass.open, hnet->open_rpcs * 7 / 8));
	homa_grant_check(hnet);
	homa_pacer_passing(hnet);
	took_ns = ktime_get_ns() - start_ns;
	homa_metric_add(hnet, timer_cycles, took_ns);
	WRITE_ONCE(hnet->tick_ns, clamp_t(u64, took_ns * HOMA_TICK_SHARE, HOMA_TICK_NS,
					  HOMA_MAX_TICKS * HOMA_TICK_NS));
}

static void tick_work(struct work_struct *work)
{
	scan(container_of(work, struct homa_net, tick_work), true);
}

static u32 count_rpcs(struct homa_net *hnet)
{
	struct homa_sock *hsk;
	u32 count = 0;

	spin_lock_bh(&hnet->sock_lock);
	list_for_each_entry(hsk, &hnet->socks, net_link)
		count += READ_ONCE(hsk->num_rpcs);
	spin_unlock_bh(&hnet->sock_lock);
	return count;
}

/* See homa_net_tick_needed(). Return: true if the timer may stop. */
static bool stop(struct homa_net *hnet)
{
	struct homa_sock *hsk;
	bool idle = true;

	WRITE_ONCE(hnet->open_rpcs, 0);
	WRITE_ONCE(hnet->ticking, 0);
	spin_lock_bh(&hnet->sock_lock);
	list_for_each_entry(hsk, &hnet->socks, net_link) {
		spin_lock_bh(&hsk->lock);
		idle = idle && list_empty(&hsk->rpcs);
		spin_unlock_bh(&hsk->lock);
		homa_txmsg_free_spares(hsk);
		homa_rxmem_trim(hsk, false);
	}
	spin_unlock_bh(&hnet->sock_lock);
	/* If somebody else has started it meanwhile, it is his. */
	return idle || cmpxchg(&hnet->ticking, 0, 1);
}

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct homa_net *hnet = container_of(timer, struct homa_net, tick_timer);
	u32 count = count_rpcs(hnet);

	if (!count && stop(hnet))
		return HRTIMER_NORESTART;
	/* A pass in process context may take longer than a tick. */
	if (count > HOMA_TICK_SOFTIRQ_RPCS)
		queue_work(homa_wq, &hnet->tick_work);
	else if (!work_busy(&hnet->tick_work))
		scan(hnet, false);
	hrtimer_forward_now(timer, ns_to_ktime(READ_ONCE(hnet->tick_ns)));
	return HRTIMER_RESTART;
}

/* Asks at once for what was lost if a link is idle meanwhile. */
static enum hrtimer_restart idle(struct hrtimer *timer)
{
	struct homa_net *hnet = container_of(timer, struct homa_net, idle_timer);
	struct homa_rpc *owing[HOMA_MAX_OWING];
	u64 next_ns;
	u32 count = homa_grant_owing(hnet, owing, &next_ns), i;

	for (i = 0; i < count; i++) {
		homa_rpc_lock(owing[i]);
		if (owing[i]->state != HOMA_RPC_DEAD && peer_owes(owing[i])) {
			homa_metric_inc(hnet, resends_idle);
			homa_request_missing(owing[i]);
		} else {
			homa_rpc_unlock(owing[i]);
		}
		homa_rpc_put(owing[i]);
	}
	if (!next_ns)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, ns_to_ktime(next_ns));
	return HRTIMER_RESTART;
}

/* Records what was noted of all that is under way, for traces, or forgets it. */
static void trace(struct homa_net *hnet, u64 forgets)
{
	struct homa_sock *hsk = NULL;

	while ((hsk = homa_sock_next(hnet, hsk))) {
		struct homa_rpc *rpc = NULL;

		if (!forgets)
			homa_wait_note(hsk);
		while ((rpc = homa_rpc_next(hsk, rpc))) {
			homa_rpc_lock(rpc);
			if (forgets) {
				homa_tt_forget(rpc);
			} else {
				homa_wait_note_private(rpc);
				homa_trace_flush(rpc);
			}
			homa_rpc_unlock(rpc);
			cond_resched();
		}
	}
}

static void flush_client(struct tt_client *client)
{
	homa_freeze_each_net(trace, false);
}

static int switch_client(struct tt_client *client, bool on)
{
	if (on)
		homa_freeze_each_net(trace, true);
	return 0;
}

/* Lets the recorder ask for what was only noted; after homa_freeze_init(). */
void homa_timer_init(void)
{
	homa_tt_client.flush = flush_client;
	homa_tt_client.on_switch = switch_client;
}

void homa_timer_net_init(struct homa_net *hnet)
{
	hrtimer_setup(&hnet->idle_timer, idle, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	hnet->tick_ns = HOMA_TICK_NS;
	hrtimer_setup(&hnet->tick_timer, tick, CLOCK_MONOTONIC, HRTIMER_MODE_REL_SOFT);
	INIT_WORK(&hnet->tick_work, tick_work);
}

/* The namespace has no sockets any more. */
void homa_timer_net_exit(struct homa_net *hnet)
{
	hrtimer_cancel(&hnet->idle_timer);
	hrtimer_cancel(&hnet->tick_timer);
	cancel_work_sync(&hnet->tick_work);
}
