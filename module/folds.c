// SPDX-License-Identifier: GPL-2.0-only
/* Records of what was noted, in the seldom cases. */
#include "folds.h"

static u64 ticks(u32 low, u32 high)
{
	return (u64)high << 32 | low;
}

static struct tt_time time_of(u64 ticks)
{
	return (struct tt_time){ ticks, ticks >> 32 };
}

static void observe(enum homa_stage stage, u64 begin, u64 end)
{
	/* Nobody noted its beginning. */
	if ((u32)begin)
		tt_observe_long(&homa_tt_client, stage, end - begin);
}

/*
 * Whoever sends may have slept before the packet left, but not between that
 * and the return. Where that was for long, it is not known when it had copied.
 */
static void sent_apart(struct tt_time now, struct tt_time enter,
		       const struct homa_send_stamps *send, u64 id, u32 length)
{
	bool recent = ticks(now.low, now.high) - ticks(enter.low, enter.high) <= U32_MAX;

	if (enter.low)
		homa_tt_send_enter_at(enter, id, length);
	if (send->copied && recent)
		homa_tt_send_copied_at(tt_ago(now, send->copied), id, length);
	if (send->xmit)
		homa_tt_data_xmit_at(tt_ago(now, send->xmit), id, 0, length);
}

void homa_tt_request_apart(u32 low, u32 high, const struct homa_request_stamps *stamps, u64 id,
			   u32 length, bool returned)
{
	struct tt_time now = { low, high };

	sent_apart(now, (struct tt_time){ stamps->send.enter, stamps->high }, &stamps->send, id,
		   length);
	if (returned)
		homa_tt_send_return_at(now, id);
}

/* @stamps are those of this thread, or their lock is held. */
void homa_tt_waited(const struct homa_wait_stamps *stamps, u32 tid, u16 cpu, u16 port)
{
	u32 begin = stamps->enter.low ?: stamps->again;
	u32 sleep = READ_ONCE(stamps->sleep);

	preempt_disable_notrace();
	if (begin && sleep)
		homa_tt_recv_wait_at(time_of(ticks(begin, stamps->enter.high) + (sleep - begin)),
				     tid, port, cpu, stamps->enter.low);
	else if (stamps->enter.low)
		homa_tt_recv_enter_at(stamps->enter, tid, port);
	preempt_enable_notrace();
}

/* DATA that was no use, or whose RPC is not there. */
void homa_tt_arrived_apart(u64 id, u32 length, u32 arrived)
{
	preempt_disable_notrace();
	homa_tt_data_in_at(tt_ago(tt_clock(&homa_tt_client), arrived), id, 0, length);
	preempt_enable_notrace();
}

/* The last time noted, 0: none. Those of waiting come with that of running. */
static u32 last_stamp(const struct homa_tt_image *image)
{
	return image->returned ?: image->copied ?: image->copy ?: image->running ?:
	       image->handed ?: image->queued ?: image->complete ?: image->in;
}

static void forget(struct homa_rpc *rpc)
{
	/* What is before it is the RPC's own, and read without a lock. */
	memset_after(&rpc->trace.image, 0, dport);
	rpc->trace.high = TT_NO_EPOCH;
}

/*
 * Records what was noted but of a reply, as of @now. Where that is too long
 * ago, it is as of the last of it; seldom, as the periodic pass calls this.
 */
static void note(struct homa_rpc *rpc, struct tt_time now)
{
	struct homa_rpc_trace *trace = &rpc->trace;
	struct homa_tt_image *image = &trace->image;
	u32 last = last_stamp(image);
	u64 noted = ticks(last, trace->high);

	if (last) {
		if (trace->high != TT_NO_EPOCH && ticks(now.low, now.high) - noted > U32_MAX)
			now = time_of(noted);
		image->length = rpc->rx.length;
		image->port = rpc->hsk->port;
		if (homa_rpc_is_client(rpc))
			homa_tt_reply_noted_at(now, image);
		else
			homa_tt_request_noted_at(now, image);
		if (image->returned)
			trace->since = (struct tt_time){ image->returned, trace->high };
	}
	forget(rpc);
}

/* Of a thread that owns the trace. */
void homa_tt_note(struct homa_rpc *rpc)
{
	struct tt_time now;

	preempt_disable_notrace();
	now = tt_clock(&homa_tt_client);
	note(rpc, now);
	preempt_enable_notrace();
}

void homa_tt_note_free(struct homa_rpc *rpc)
{
	homa_rpc_assert_locked(rpc);
	/* Who takes it from the list of ready ones holds that lock only. */
	spin_lock(&rpc->hsk->lock);
	/* Pairs with that of the thread that has received it. */
	if (smp_load_acquire(&rpc->trace.owner) == HOMA_TRACE_NOBODY && !rpc->replying)
		homa_tt_note(rpc);
	spin_unlock(&rpc->hsk->lock);
}

void homa_tt_running_apart(u32 low, u32 high, struct homa_rpc *rpc,
			   struct homa_wait_stamps *stamps, u32 tid, u16 port)
{
	struct homa_rpc_trace *trace = &rpc->trace;

	if (trace->image.handed)
		observe(HOMA_STAGE_wakeup, ticks(trace->image.handed, trace->high),
			ticks(low, high));
	homa_tt_waited(stamps, tid, trace->image.handed ? trace->image.handed_cpu :
		       raw_smp_processor_id(), port);
	*stamps = (struct homa_wait_stamps){};
	note(rpc, (struct tt_time){ low, high });
	trace->high = high;
}

/* It took so long that times are not unique, or there was an error. */
void homa_tt_received_apart(u32 low, u32 high, struct homa_rpc *rpc, u32 tid, u32 length)
{
	struct homa_rpc_trace *trace = &rpc->trace;
	struct homa_tt_image *image = &trace->image;
	struct tt_time now = { low, high };
	u32 copied = image->copied;

	if (homa_rpc_is_client(rpc))
		observe(HOMA_STAGE_rtt, ticks(trace->since.low, trace->since.high),
			ticks(low, high));
	/* Only while it copied can the thread have slept. */
	image->copied = 0;
	note(rpc, now);
	if (copied)
		homa_tt_copy_out_done_at(tt_ago(now, copied), rpc->id, rpc->rx.length);
	homa_tt_recv_return_at(now, rpc->id, tid, length);
	trace->since = now;
}

/* The same of a reply, or it is not a single packet, or not sent. */
void homa_tt_replied_apart(u32 low, u32 high, struct homa_rpc *rpc, bool returns)
{
	struct homa_rpc_trace *trace = &rpc->trace;
	struct homa_tt_image *image = &trace->image;
	struct homa_send_stamps send = *homa_reply_stamps(rpc);
	struct tt_time enter = { send.enter, trace->enter_high };
	struct tt_time now = { low, high };
	u32 length = image->reply_length;

	*homa_reply_stamps(rpc) = (struct homa_send_stamps){};
	note(rpc, now);
	if (enter.low) {
		observe(HOMA_STAGE_service, ticks(trace->since.low, trace->since.high),
			ticks(enter.low, enter.high));
		/* It may fail, and be tried again. */
		trace->since.low = 0;
	}
	sent_apart(now, enter, &send, rpc->id, length);
	if (returns)
		homa_tt_send_return_at(now, rpc->id);
}

/* What was noted before the recorder was switched on has no meaning. */
void homa_tt_forget(struct homa_rpc *rpc)
{
	homa_rpc_assert_locked(rpc);
	forget(rpc);
	rpc->trace.since = (struct tt_time){ .high = TT_NO_EPOCH };
}

/* It is in no list any more, so that no thread can take it. */
void homa_tt_ended(struct homa_rpc *rpc)
{
	/* Pairs with that of the thread that has received it. */
	switch (smp_load_acquire(&rpc->trace.owner)) {
	case HOMA_TRACE_NOBODY:
		if (!rpc->replying)
			homa_tt_note(rpc);
		break;
	case HOMA_TRACE_THREAD:
		rpc->trace.orphan = true;
		break;
	}
	homa_tt_rpc_end(rpc->id);
}
