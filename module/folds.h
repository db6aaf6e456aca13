/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events that share a record; see uapi/homa_folds.def. Each notes its time
 * where it happens, in the RPC or on the stack of a system call; the record is
 * written when a thread leaves with the message. What no thread leaves with is
 * recorded by the periodic pass, and before anybody reads the rings. A stamp
 * is the lower half of a time, 0: none. Whether anything is recorded is asked
 * everywhere, so nothing may rest on what was asked before.
 */
#ifndef _HOMA_FOLDS_H
#define _HOMA_FOLDS_H

#include "rpc.h"
#include "tracing.h"

/* Notes that it is now. */
static __always_inline void homa_tt_stamp(u32 *stamp)
{
	int by = tt_on(&homa_tt_key);

	if (by)
		tt_stamp_by(by, stamp);
}

/* The seldom cases. @low and @high are the time; preemption is off unless said otherwise. */
void homa_tt_request_apart(u32 low, u32 high, const struct homa_request_stamps *stamps, u64 id,
			   u32 length, bool returned);
void homa_tt_running_apart(u32 low, u32 high, struct homa_rpc *rpc,
			   struct homa_wait_stamps *stamps, u32 tid, u16 port);
void homa_tt_received_apart(u32 low, u32 high, struct homa_rpc *rpc, u32 tid, u32 length);
void homa_tt_replied_apart(u32 low, u32 high, struct homa_rpc *rpc, bool returns);
/* Any context. */
void homa_tt_waited(const struct homa_wait_stamps *stamps, u32 tid, u16 cpu, u16 port);
void homa_tt_arrived_apart(u64 id, u32 length, u32 arrived);
void homa_tt_note(struct homa_rpc *rpc);
void homa_tt_note_free(struct homa_rpc *rpc);
void homa_tt_ended(struct homa_rpc *rpc);
void homa_tt_forget(struct homa_rpc *rpc);

/* Counts a duration that is short, since both times have the same upper half. */
static __always_inline void homa_tt_observe(enum homa_stage stage, u32 begin, u32 end)
{
	tt_observe(&homa_tt_client, stage, end - begin);
}

/* Where a server's thread notes the times of its reply: in the record. */
static inline struct homa_send_stamps *homa_reply_stamps(struct homa_rpc *rpc)
{
	struct homa_tt_image *image = &rpc->trace.image;

	BUILD_BUG_ON(offsetof(struct homa_tt_image, sent_copied) -
		     offsetof(struct homa_tt_image, enter) !=
		     offsetof(struct homa_send_stamps, copied));
	BUILD_BUG_ON(offsetof(struct homa_tt_image, xmit) - offsetof(struct homa_tt_image, enter) !=
		     offsetof(struct homa_send_stamps, xmit));
	return (struct homa_send_stamps *)&image->enter;
}

static __always_inline void homa_trace_request_begins(struct homa_request_stamps *stamps,
						      struct homa_rpc *rpc, u32 length)
{
	struct tt_time now;
	int by;

	trace_homa_send_enter(rpc->id, length);
	by = tt_on(&homa_tt_key);
	if (by) {
		now = tt_clock_by(by);
		stamps->send.enter = now.low;
		stamps->high = now.high;
		rpc->trace.since = now;
	}
}

/* A request that is not one packet, or fails: its events come one by one. */
static __always_inline void homa_trace_request_apart(const struct homa_request_stamps *stamps,
						     u64 id, u32 length)
{
	struct tt_time now;
	int by;

	by = tt_on(&homa_tt_key);
	if (by) {
		preempt_disable_notrace();
		now = tt_clock_by(by);
		homa_tt_request_apart(now.low, now.high, stamps, id, length, false);
		preempt_enable_notrace();
	}
}

/* A request of one packet was sent. */
static __always_inline void homa_trace_request_sent(const struct homa_request_stamps *stamps,
						    u64 id, u32 length, u16 sport, u16 dport)
{
	struct tt_time now;
	int by;

	trace_homa_send_return(id);
	by = tt_on(&homa_tt_key);
	if (by) {
		preempt_disable_notrace();
		now = tt_clock_by(by);
		if (likely(now.high == stamps->high))
			homa_tt_request_sent_at(now, id, length, sport, dport, stamps->send.enter,
						stamps->send.copied, stamps->send.xmit);
		else
			homa_tt_request_apart(now.low, now.high, stamps, id, length, true);
		preempt_enable_notrace();
	}
}

static __always_inline void homa_trace_reply_begins(struct homa_rpc *rpc, u32 length)
{
	struct tt_time now;
	int by;

	trace_homa_send_enter(rpc->id, length);
	by = tt_on(&homa_tt_key);
	if (by) {
		now = tt_clock_by(by);
		rpc->trace.image.enter = now.low;
		rpc->trace.image.reply_length = length;
		rpc->trace.enter_high = now.high;
	}
}

/* A reply that is not one packet, or fails. The thread still owns @rpc. */
static __always_inline void homa_trace_reply_apart(struct homa_rpc *rpc)
{
	struct tt_time now;
	int by;

	by = tt_on(&homa_tt_key);
	if (by) {
		preempt_disable_notrace();
		now = tt_clock_by(by);
		homa_tt_replied_apart(now.low, now.high, rpc, false);
		preempt_enable_notrace();
	}
}

static __always_inline void homa_trace_reply_sent(struct homa_rpc *rpc)
{
	struct homa_rpc_trace *trace = &rpc->trace;
	struct tt_time now;
	int by;

	trace_homa_send_return(rpc->id);
	by = tt_on(&homa_tt_key);
	if (by) {
		preempt_disable_notrace();
		now = tt_clock_by(by);
		if (likely(now.high == trace->high)) {
			homa_tt_observe(HOMA_STAGE_service, trace->image.returned,
					trace->image.enter);
			homa_tt_request_served_at(now, &trace->image);
			WRITE_ONCE(trace->owner, HOMA_TRACE_DONE);
		} else {
			homa_tt_replied_apart(now.low, now.high, rpc, true);
		}
		preempt_enable_notrace();
	}
}

/* DATA with stamp *@arrived comes by itself: there is no use for it, or it is not the first. */
static inline void homa_trace_arrived_apart(u32 *arrived, u64 id, u32 length)
{
	if (*arrived)
		homa_tt_arrived_apart(id, length, *arrived);
	*arrived = 0;
}

/* The message of locked @rpc is complete; @arrived: stamp of its packet, if it is a single one. */
static __always_inline void homa_trace_complete(struct homa_rpc *rpc, u32 arrived)
{
	int by;

	if (unlikely(rpc->rx.gaps)) {
		homa_trace_msg_complete(rpc->id, rpc->rx.length);
		return;
	}
	trace_homa_msg_complete(rpc->id, rpc->rx.length);
	by = tt_on(&homa_tt_key);
	if (by) {
		rpc->trace.image.in = arrived;
		tt_stamp_by(by, &rpc->trace.image.complete);
	}
}

/* Locked @rpc is given to nobody yet. */
static __always_inline void homa_trace_queued(struct homa_rpc *rpc)
{
	struct homa_tt_image *image = &rpc->trace.image;
	struct tt_time now;
	int by;

	trace_homa_handoff(rpc->id, 0, 0);
	by = tt_on(&homa_tt_key);
	if (by) {
		now = tt_clock_by(by);
		rpc->trace.high = now.high;
		image->queued = now.low;
		image->arrival_cpu = raw_smp_processor_id();
	}
}

/* Locked @rpc is given to thread @tid, which owns the trace from here on. */
static __always_inline void homa_trace_given(struct homa_rpc *rpc, u32 tid, u16 cpu)
{
	struct homa_tt_image *image = &rpc->trace.image;
	struct tt_time now;
	int by;

	rpc->trace.owner = HOMA_TRACE_THREAD;
	trace_homa_handoff(rpc->id, tid, cpu);
	by = tt_on(&homa_tt_key);
	if (by) {
		now = tt_clock_by(by);
		rpc->trace.high = now.high;
		image->handed = now.low;
		image->handed_cpu = cpu;
		image->arrival_cpu = raw_smp_processor_id();
	}
}

static __always_inline void homa_trace_recv_enters(struct homa_wait_stamps *stamps, u32 tid,
						   u16 port)
{
	int by;

	trace_homa_recv_enter(tid, port);
	*stamps = (struct homa_wait_stamps){};
	by = tt_on(&homa_tt_key);
	if (by)
		stamps->enter = tt_clock_by(by);
}

static __always_inline void homa_trace_recv_sleeps(struct homa_wait_stamps *stamps, u32 tid,
						   u16 port)
{
	int by;

	trace_homa_recv_sleep(tid, port);
	by = tt_on(&homa_tt_key);
	if (by)
		tt_stamp_by(by, &stamps->sleep);
}

/* The call goes on: what was noted of it is recorded. */
static inline void homa_trace_waits_again(struct homa_wait_stamps *stamps)
{
	struct tt_time now;
	int by;

	*stamps = (struct homa_wait_stamps){};
	by = tt_on(&homa_tt_key);
	if (by) {
		now = tt_clock_by(by);
		stamps->enter.high = now.high;
		stamps->again = now.low;
	}
}

/* The call ends without a message. */
static __always_inline void homa_trace_in_vain(const struct homa_wait_stamps *stamps, u32 tid,
					       u16 port)
{
	if (tt_on(&homa_tt_key))
		homa_tt_waited(stamps, tid, raw_smp_processor_id(), port);
}

/* This thread, which owns the trace of @rpc, has waited for it. */
static __always_inline void homa_trace_running(struct homa_rpc *rpc,
					       struct homa_wait_stamps *stamps, u32 tid, u16 port)
{
	struct homa_tt_image *image = &rpc->trace.image;
	struct tt_time now;
	int by;

	trace_homa_recv_running(rpc->id, tid);
	by = tt_on(&homa_tt_key);
	if (by) {
		now = tt_clock_by(by);
		/* Who was given it had waited before; who found it had just come. */
		image->tid = tid;
		if (image->handed && likely(now.high == stamps->enter.high))
			homa_tt_observe(HOMA_STAGE_wakeup, image->handed, now.low);
		else if (!image->handed && likely(now.high == rpc->trace.high))
			image->handed_cpu = raw_smp_processor_id();
		else
			homa_tt_running_apart(now.low, now.high, rpc, stamps, tid, port);
		image->recv_enter = stamps->enter.low;
		image->recv_sleep = stamps->sleep;
		image->running = now.low;
		image->port = port;
	}
}

/* The thread waits again, or nobody can have the rest: what it did is recorded by itself. */
static inline void homa_trace_not_received(struct homa_rpc *rpc)
{
	if (tt_on(&homa_tt_key))
		homa_tt_note(rpc);
	WRITE_ONCE(rpc->trace.owner, HOMA_TRACE_NOBODY);
}

/* The thread returns with a reply. */
static __always_inline void homa_trace_reply_received(struct homa_rpc *rpc, u32 tid, u32 length)
{
	struct homa_rpc_trace *trace = &rpc->trace;
	struct tt_time now;
	int by;

	trace_homa_recv_return(rpc->id, tid, length);
	by = tt_on(&homa_tt_key);
	if (by) {
		preempt_disable_notrace();
		now = tt_clock_by(by);
		trace->image.length = length;
		if (likely(now.high == trace->since.high)) {
			homa_tt_observe(HOMA_STAGE_rtt, trace->since.low, now.low);
			homa_tt_reply_received_at(now, &trace->image);
		} else {
			homa_tt_received_apart(now.low, now.high, rpc, tid, length);
		}
		preempt_enable_notrace();
	}
}

/* The thread returns with a request. */
static __always_inline void homa_trace_request_received(struct homa_rpc *rpc, u32 tid, u32 length)
{
	struct homa_rpc_trace *trace = &rpc->trace;
	struct tt_time now;
	int by;

	trace_homa_recv_return(rpc->id, tid, length);
	by = tt_on(&homa_tt_key);
	if (by) {
		now = tt_clock_by(by);
		if (likely(now.high == trace->high)) {
			trace->image.length = length;
			trace->image.returned = now.low;
			trace->image.recv_cpu = raw_smp_processor_id();
		} else {
			homa_tt_received_apart(now.low, now.high, rpc, tid, length);
		}
	}
	/* Whoever sees that sees what was noted. */
	smp_store_release(&trace->owner, HOMA_TRACE_NOBODY);
}

/* The thread returns with an error. */
static inline void homa_trace_failed(struct homa_rpc *rpc, u32 tid)
{
	if (tt_on(&homa_tt_key))
		homa_tt_note(rpc);
	homa_trace_recv_return(rpc->id, tid, 0);
	WRITE_ONCE(rpc->trace.owner, HOMA_TRACE_DONE);
}

/* What was noted of a locked RPC, unless a thread will record it. */
static __always_inline void homa_trace_flush(struct homa_rpc *rpc)
{
	if (tt_on(&homa_tt_key))
		homa_tt_note_free(rpc);
}

/* Nobody has @rpc any more. */
static inline void homa_trace_freed(struct homa_rpc *rpc)
{
	if (unlikely(rpc->trace.orphan))
		homa_trace_not_received(rpc);
}

/*
 * The thread that receives locked @rpc of a client ends it, and will record the
 * rest; that it ends, too, if @whole: the reply is a single packet.
 */
static inline void homa_trace_ends(struct homa_rpc *rpc, bool whole)
{
	WRITE_ONCE(rpc->trace.owner, HOMA_TRACE_DONE);
	if (!whole)
		homa_tt_rpc_end(rpc->id);
}

/* Locked @rpc is over. Where all is recorded, that is known. */
static __always_inline void homa_trace_ended(struct homa_rpc *rpc)
{
	trace_homa_rpc_end(rpc->id);
	if (tt_on(&homa_tt_key)) {
		if (READ_ONCE(rpc->trace.owner) != HOMA_TRACE_DONE)
			homa_tt_ended(rpc);
	}
}

#endif /* _HOMA_FOLDS_H */
