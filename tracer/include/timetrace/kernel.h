/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recording events from a kernel module. The module describes a group of
 * events in a struct tt_client, attaches it, and calls the recorders that
 * TT_RECORDER() generates, from any context. It needs no symbol of
 * timetrace.ko: without the tracer each recorder is one nop.
 */
#ifndef TIMETRACE_KERNEL_H
#define TIMETRACE_KERNEL_H

#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/timekeeping.h>
#include <linux/string.h>
#include <asm/local.h>
#include <timetrace/event_list.h>
#include <timetrace/record.h>

#if BITS_PER_LONG != 64 || !defined(__LITTLE_ENDIAN)
#error "timetrace needs a 64-bit little-endian kernel"
#endif

/* Changes whenever struct tt_client or the recording protocol does. */
#define TT_ABI 1

#define TT_BLOCK_BYTES PAGE_SIZE

struct tt_field_def {
	const char *name;
	const char *unit;
	u8 type; /* TT_TYPE_* */
};

struct tt_event_def {
	const char *name;
	const char *doc;
	u8 nfields;
	struct tt_field_def fields[TT_MAX_FIELDS];
};

/* One entry of a client's table, for TT_EVENT(n, name, doc, fields...). */
#define TT_EVENT_DEF(prefix, n, name, doc, ...) \
	{ prefix #name, doc, n, { TT_DESCS(n, __VA_ARGS__) } },

/**
 * struct tt_cpu - what recording touches on each CPU
 * @cursor: address of the next free byte. Blocks lie at addresses whose bit
 *	TT_BLOCK_BYTES is clear, and the address range after each, as long as
 *	itself, is never written: a claim that reaches it did not fit. So
 *	whether a claim is good depends on its address alone, whatever
 *	interrupts do in between.
 * @epoch: time_ns >> TT_TIME_BITS of records written at @cursor; all ones
 *	forces the slow path.
 */
struct tt_cpu {
	unsigned long cursor;
	u64 epoch;
};

/**
 * struct tt_client - a group of events
 * @group: its name, for the control words "on GROUP" and "off GROUP".
 * @events: their descriptions, copied by the tracer.
 * @nevents: how many.
 * @key: what the recorders test; the tracer switches it.
 * @on_switch: optional; called before @key goes on and after it went off.
 * @cpu: set by the tracer, as all below.
 * @slow: finishes a claim that the fast path could not use.
 * @detach: ends the registration; afterwards no recorder runs.
 * @first_id: id of events[0].
 * @entry: link in the tracer's list.
 */
struct tt_client {
	const char *group;
	const struct tt_event_def *events;
	u32 nevents;
	struct static_key_false *key;
	int (*on_switch)(struct tt_client *client, bool on);

	struct tt_cpu __percpu *cpu;
	void *(*slow)(unsigned long claim, u32 bytes, u64 now);
	void (*detach)(struct tt_client *client);
	u32 first_id;
	struct list_head entry;
};

/*
 * Exported by timetrace.ko; call it through tt_attach() only. @abi is TT_ABI
 * of the caller, -EPROTO when the tracer has another.
 */
int tt_register_client(struct tt_client *client, u32 abi);

/**
 * tt_attach() - register with the tracer when it is loaded (may sleep)
 * @client: must not be attached.
 *
 * The tracer cannot be unloaded until tt_detach().
 *
 * Return: 0, -ENOENT without a tracer, or its refusal.
 */
static inline int tt_attach(struct tt_client *client)
{
	typeof(&tt_register_client) reg = symbol_get(tt_register_client);
	int err;

	if (!reg)
		return -ENOENT;
	err = reg(client, TT_ABI);
	if (err) {
		client->detach = NULL;
		symbol_put(tt_register_client);
	}
	return err;
}

/**
 * tt_detach() - undo tt_attach() (may sleep); harmless when not attached
 * @client: no recorder of it runs when this returns.
 */
static inline void tt_detach(struct tt_client *client)
{
	if (!client->detach)
		return;
	client->detach(client);
	client->detach = NULL;
	symbol_put(tt_register_client);
}

/*
 * Claims @bytes on this CPU; preemption is off. NULL: lost, and counted.
 *
 * The claim is one unlocked instruction, so an interrupt or NMI either claims
 * before or after it. The epoch is compared after the claim: when it still
 * is ours, it was ours at the claim, because whoever changes it while a
 * claim is unfinished leaves all ones.
 */
static __always_inline void *tt_claim(const struct tt_client *client, u32 bytes, u64 now)
{
	unsigned long claim = this_cpu_add_return(client->cpu->cursor, bytes) - bytes;

	if (unlikely((claim + bytes - 1) & TT_BLOCK_BYTES) ||
	    unlikely(this_cpu_read(client->cpu->epoch) != now >> TT_TIME_BITS))
		return client->slow(claim, bytes, now);
	return (void *)claim;
}

/* Publishes @bytes at @record as @records records (0: padding). */
static __always_inline void tt_commit(void *record, u32 bytes, u32 records)
{
	struct tt_block *block = (void *)((unsigned long)record & -TT_BLOCK_BYTES);

	/* Pairs with the barrier of readers on other CPUs between commit and content. */
	smp_wmb();
	local_add(records * TT_COMMIT_RECORD + bytes, (local_t *)&block->commit);
}

#define TT_STORE(t, f, u) \
	__builtin_memcpy(_at, &(f), sizeof(t)); _at += sizeof(t);

/*
 * Defines static inline @func(fields...), which records event number @index
 * of @client when @client->key, which is @key, is on.
 */
#define TT_RECORDER(func, client, key, index, n, ...)				\
static __always_inline void func(TT_PARAMS(n, __VA_ARGS__))			\
{										\
	const u32 _bytes = ALIGN(4 + TT_SIZES(n, __VA_ARGS__), 4);		\
										\
	if (static_branch_unlikely(key)) {					\
		u64 _now;							\
		u8 *_at, *_record;						\
										\
		preempt_disable_notrace();					\
		_now = ktime_get_mono_fast_ns();				\
		_record = tt_claim(client, _bytes, _now);			\
		if (likely(_record)) {						\
			_at = _record + 4;					\
			TT_EACH##n(TT_STORE, TT_SEP_NONE, __VA_ARGS__)		\
			*(u32 *)_record = ((u32)_now << TT_ID_BITS) |		\
					  ((client)->first_id + (index));	\
			tt_commit(_record, _bytes, 1);				\
		}								\
		preempt_enable_notrace();					\
	}									\
}

#endif /* TIMETRACE_KERNEL_H */
