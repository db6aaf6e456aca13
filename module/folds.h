/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events of messages of one packet that share a record; see
 * uapi/homa_folds.def. Each notes its time where it happens; the last one
 * writes the record, or all of them one by one when some are missing or too
 * long ago. A stamp is the lower half of a time, 0: none. Whether anything is
 * recorded is asked everywhere, so nothing may rest on what was asked before.
 */
#ifndef _HOMA_FOLDS_H
#define _HOMA_FOLDS_H

#include "rpc.h"
#include "tracing.h"

/* The lower half of the time now, or 0. */
static __always_inline u32 homa_tt_stamp(void)
{
	if (tt_on(&homa_tt_key))
		return tt_clock(&homa_tt_client).low;
	return 0;
}

/* Whether there is a stamp, of which 16 bits are enough. */
static __always_inline bool homa_tt_recent(struct tt_time now, u32 stamp)
{
	return stamp && now.low - stamp <= U16_MAX;
}

/* Ends @stage, which began at *@begin, if that is known. */
static __always_inline void homa_tt_end_stage(enum homa_stage stage, struct tt_time *begin,
					      struct tt_time now)
{
	if (begin->low) {
		tt_observe(&homa_tt_client, stage, tt_since(now, *begin));
		begin->low = 0;
	}
}

void homa_tt_send_apart(u32 low, u32 high, struct homa_send_stamps *stamps, u64 id, u32 length,
			bool client, u16 sport, u16 dport, bool returned);
void homa_tt_arrival_apart(u32 low, u32 high, struct homa_rpc *rpc, u32 payload_bytes);
void homa_tt_receive_apart(u32 low, u32 high, struct homa_receive_stamps *stamps, u64 id,
			   u32 tid, u32 length);

static __always_inline void homa_trace_send_begin(struct homa_send_stamps *stamps,
						  struct homa_rpc *rpc, u32 length)
{
	struct tt_time now;

	trace_homa_send_enter(rpc->id, length);
	if (tt_on(&homa_tt_key)) {
		now = tt_clock(&homa_tt_client);
		stamps->enter = now.low;
		if (homa_rpc_is_client(rpc))
			rpc->begun.sent = now;
		else
			homa_tt_end_stage(HOMA_STAGE_service, &rpc->begun.received, now);
	}
}

/* A message that is not one packet: its events come one by one from here on. */
static __always_inline void homa_trace_send_long(struct homa_send_stamps *stamps, u64 id,
						 u32 length, bool client, u16 sport, u16 dport)
{
	struct tt_time now;

	if (tt_on(&homa_tt_key)) {
		preempt_disable_notrace();
		now = tt_clock(&homa_tt_client);
		homa_tt_send_apart(now.low, now.high, stamps, id, length, client, sport, dport,
				   false);
		preempt_enable_notrace();
	}
}

static __always_inline void homa_trace_request_sent(struct homa_send_stamps *stamps, u64 id,
						    u32 length, u16 sport, u16 dport)
{
	struct tt_time now;

	trace_homa_send_return(id);
	if (tt_on(&homa_tt_key)) {
		preempt_disable_notrace();
		now = tt_clock(&homa_tt_client);
		if (homa_tt_recent(now, stamps->enter) && stamps->copied && stamps->xmit)
			homa_tt_request_sent_at(now, id, length, sport, dport, stamps->enter,
						stamps->copied, stamps->xmit);
		else
			homa_tt_send_apart(now.low, now.high, stamps, id, length, stamps->xmit,
					   sport, dport, true);
		preempt_enable_notrace();
	}
}

static __always_inline void homa_trace_reply_sent(struct homa_send_stamps *stamps, u64 id,
						  u32 length)
{
	struct tt_time now;

	trace_homa_send_return(id);
	if (tt_on(&homa_tt_key)) {
		preempt_disable_notrace();
		now = tt_clock(&homa_tt_client);
		if (homa_tt_recent(now, stamps->enter) && stamps->copied && stamps->xmit)
			homa_tt_reply_sent_at(now, id, length, stamps->enter, stamps->copied,
					      stamps->xmit);
		else
			homa_tt_send_apart(now.low, now.high, stamps, id, length, false, 0, 0,
					   true);
		preempt_enable_notrace();
	}
}

/* Softirqs are off here and in the next ones. */
static __always_inline void homa_trace_arrived(struct homa_rpc *rpc, u32 payload_bytes)
{
	struct tt_time now;

	if (tt_on(&homa_tt_key)) {
		if (rpc->arrival.in | rpc->arrival.created | rpc->arrival.complete) {
			preempt_disable_notrace();
			now = tt_clock(&homa_tt_client);
			homa_tt_arrival_apart(now.low, now.high, rpc, payload_bytes);
			preempt_enable_notrace();
		}
	}
}

static __always_inline void homa_trace_handed(struct homa_rpc *rpc, u32 tid, u16 cpu)
{
	struct homa_arrival_stamps *stamps = &rpc->arrival;
	struct tt_time now;

	trace_homa_handoff(rpc->id, tid, cpu);
	if (tt_on(&homa_tt_key)) {
		preempt_disable_notrace();
		now = tt_clock(&homa_tt_client);
		if (tid)
			rpc->begun.handed = now;
		if (!homa_tt_recent(now, stamps->in) || !stamps->complete) {
			homa_tt_handoff_at(now, rpc->id, tid, cpu);
		} else {
			if (stamps->created)
				homa_tt_request_arrived_at(now, rpc->id, rpc->rx.length, rpc->dport,
							   rpc->hsk->port, stamps->in,
							   stamps->complete, tid, cpu);
			else
				homa_tt_reply_arrived_at(now, rpc->id, rpc->rx.length, stamps->in,
							 stamps->complete, tid, cpu);
			*stamps = (struct homa_arrival_stamps){};
		}
		preempt_enable_notrace();
	}
}

static __always_inline void homa_trace_waiting(u32 *entered, u32 tid, u16 port)
{
	struct tt_time now;

	trace_homa_recv_sleep(tid, port);
	if (tt_on(&homa_tt_key)) {
		preempt_disable_notrace();
		now = tt_clock(&homa_tt_client);
		if (homa_tt_recent(now, *entered)) {
			homa_tt_recv_wait_at(now, tid, port, *entered);
			*entered = 0;
		} else {
			homa_tt_recv_sleep_at(now, tid, port);
		}
		preempt_enable_notrace();
	}
}

/* The call did not wait: it entered all the same. */
static __always_inline void homa_trace_entered(u32 *entered, u32 tid, u16 port)
{
	if (tt_on(&homa_tt_key)) {
		if (unlikely(*entered)) {
			preempt_disable_notrace();
			homa_tt_recv_enter_at(tt_ago(tt_clock(&homa_tt_client), *entered), tid,
					      port);
			preempt_enable_notrace();
			*entered = 0;
		}
	}
}

static __always_inline void homa_trace_running(struct homa_rpc *rpc, u32 tid)
{
	struct tt_time now;

	trace_homa_recv_running(rpc->id, tid);
	rpc->receive.running = 0;
	if (tt_on(&homa_tt_key)) {
		now = tt_clock(&homa_tt_client);
		rpc->receive.running = now.low;
		homa_tt_end_stage(HOMA_STAGE_wakeup, &rpc->begun.handed, now);
	}
}

/* The thread waits again: what it did with @rpc comes one by one. */
static __always_inline void homa_trace_not_received(struct homa_rpc *rpc, u32 tid)
{
	struct tt_time now;

	if (tt_on(&homa_tt_key)) {
		preempt_disable_notrace();
		now = tt_clock(&homa_tt_client);
		homa_tt_receive_apart(now.low, now.high, &rpc->receive, rpc->id, tid,
				      rpc->rx.length);
		preempt_enable_notrace();
	}
}

static __always_inline void homa_trace_received(struct homa_rpc *rpc, u32 tid, u32 length)
{
	struct homa_receive_stamps *stamps = &rpc->receive;
	struct tt_time now;
	bool whole;

	trace_homa_recv_return(rpc->id, tid, length);
	if (tt_on(&homa_tt_key)) {
		preempt_disable_notrace();
		now = tt_clock(&homa_tt_client);
		whole = homa_tt_recent(now, stamps->running) && stamps->copied && length;
		if (homa_rpc_is_client(rpc)) {
			homa_tt_end_stage(HOMA_STAGE_rtt, &rpc->begun.sent, now);
			if (whole && stamps->end) {
				homa_tt_reply_received_at(now, rpc->id, tid, length,
							  stamps->running, stamps->end,
							  stamps->copy, stamps->copied);
				goto done;
			}
		} else {
			rpc->begun.received = now;
			if (whole && !stamps->end) {
				homa_tt_request_received_at(now, rpc->id, tid, length,
							    stamps->running, stamps->copy,
							    stamps->copied);
				goto done;
			}
		}
		homa_tt_receive_apart(now.low, now.high, stamps, rpc->id, tid, rpc->rx.length);
		homa_tt_recv_return_at(now, rpc->id, tid, length);
done:
		preempt_enable_notrace();
	}
}

#endif /* _HOMA_FOLDS_H */
