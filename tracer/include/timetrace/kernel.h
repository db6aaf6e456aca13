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
#include <linux/timex.h>
#include <linux/string.h>
#include <asm/local.h>
#include <timetrace/event_list.h>
#include <timetrace/record.h>

#if BITS_PER_LONG != 64 || !defined(__LITTLE_ENDIAN)
#error "timetrace needs a 64-bit little-endian kernel"
#endif

/* Changes whenever struct tt_client or the recording protocol does. */
#define TT_ABI 3

#define TT_BLOCK_BYTES PAGE_SIZE
#define TT_SLACK (TT_MAX_RECORD_BYTES - 4)
#define TT_MAX_CLIENT_EVENTS 64

#if defined(CONFIG_X86_TSC) && !defined(CONFIG_UML)
#define TT_HAVE_TSC 1
#endif

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
 * @cursor: TT_SLACK behind the next free byte. Blocks lie at addresses whose
 *	bit TT_BLOCK_BYTES is clear, and the address range after each, as long
 *	as itself, is never written. A claim at which that bit is clear has
 *	room for the longest record. So whether a claim is good depends on its
 *	address alone, whatever interrupts do in between.
 * @base: time from which records written at @cursor count; TT_NO_BASE forces
 *	the slow path.
 */
struct tt_cpu {
	unsigned long cursor;
	u64 base;
};

#define TT_NO_BASE (1ull << 63) /* no time is near it */

/**
 * struct tt_slot - where a record goes
 * @claim: TT_SLACK behind its first byte; 0 when it is lost.
 * @delta: its time since the base.
 */
struct tt_slot {
	unsigned long claim;
	u64 delta;
};

/**
 * struct tt_client - a group of events
 * @group: its name, for the control words "on GROUP" and "off GROUP".
 * @events: their descriptions, copied by the tracer.
 * @nevents: how many, at most TT_MAX_CLIENT_EVENTS.
 * @key: what the recorders test; the tracer switches it.
 * @on_switch: optional; called before @key goes on and after it went off.
 * @cpu: set by the tracer, as all below.
 * @slow: finishes a claim that the fast path could not use.
 * @detach: ends the registration; afterwards no recorder runs.
 * @freeze: stops recording; call it through tt_freeze() only.
 * @tsc: time is read from the time stamp counter.
 * @words: header words of the events without their time.
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
	struct tt_slot (*slow)(unsigned long claim, u32 bytes);
	void (*detach)(struct tt_client *client);
	void (*freeze)(struct tt_client *client, const char *reason);
	struct static_key_false tsc;
	u32 words[TT_MAX_CLIENT_EVENTS];
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

/**
 * tt_freeze() - stop recording on all CPUs, a moment later (any context but NMI)
 * @client: is not detached meanwhile.
 * @reason: for the trace, where it becomes the last mark; its first 32 characters.
 *
 * Return: false without a tracer.
 */
static inline bool tt_freeze(struct tt_client *client, const char *reason)
{
	/* Pairs with the tracer's release of detach, which it sets last. */
	if (!smp_load_acquire(&client->detach))
		return false;
	client->freeze(client, reason);
	return true;
}

/* The time of records in ticks, which are those of the TSC where it can be trusted, else ns. */
static __always_inline u64 tt_clock(struct tt_client *client)
{
#ifdef TT_HAVE_TSC
	if (static_branch_likely(&client->tsc))
		return get_cycles();
#endif
	return ktime_get_mono_fast_ns();
}

/*
 * Claims @bytes on this CPU; preemption is off. False: lost, and counted.
 *
 * The claim is one unlocked instruction, so an interrupt or NMI either claims
 * before or after it. The base is read after the claim: when the time is near
 * it, it was in force at the claim, because whoever changes it while a claim
 * is unfinished leaves TT_NO_BASE.
 */
static __always_inline bool tt_claim(const struct tt_client *client, u32 bytes, u64 now,
				     struct tt_slot *slot)
{
	struct tt_cpu __percpu *cpu = client->cpu;

	slot->claim = this_cpu_add_return(cpu->cursor, bytes) - bytes;
	barrier();
	slot->delta = now - raw_cpu_read(cpu->base);
	if (unlikely(slot->claim & TT_BLOCK_BYTES) || unlikely(slot->delta > TT_TIME_MASK)) {
		*slot = client->slow(slot->claim, bytes);
		return slot->claim;
	}
	return true;
}

/* Publishes @bytes of the block around @address as @records records (0: padding). */
static __always_inline void tt_commit(unsigned long address, u32 bytes, u32 records)
{
	struct tt_block *block = (void *)(address & -TT_BLOCK_BYTES);

	/* Pairs with the barrier of readers on other CPUs between commit and content. */
	smp_wmb();
	local_add(records * TT_COMMIT_RECORD + bytes, (local_t *)&block->commit);
}

/* Fields as they are stored: in a wide record, and in a narrow one. */
#define TT_STORED_u8 u8
#define TT_STORED_u16 u16
#define TT_STORED_u32 u32
#define TT_STORED_s32 s32
#define TT_STORED_u64 u32
#define TT_NARROW_SIZE(t, f, u) sizeof(TT_STORED_##t)
#define TT_STORE(t, f, u) \
	__builtin_memcpy(_at, &(f), sizeof(t)); _at += sizeof(t);
#define TT_NARROW_STORE(t, f, u) \
	{ TT_STORED_##t _v = (f); __builtin_memcpy(_at, &_v, sizeof(_v)); _at += sizeof(_v); }

/* Not 0 when the record must be wide. */
#define TT_HIGH(t, f, u) (sizeof(t) == 8 ? (u64)(f) >> 32 : 0)
#define TT_SEP_OR() |

#define TT_RECORD(client, index, wide, sizes, store, n, ...)			\
do {										\
	const u32 _bytes = ALIGN(4 + (TT_EACH##n(sizes, TT_SEP_PLUS, __VA_ARGS__)), 4); \
	struct tt_slot _slot;							\
	u64 _now;								\
	u8 *_at;								\
										\
	preempt_disable_notrace();						\
	_now = tt_clock(client);						\
	if (tt_claim(client, _bytes, _now, &_slot)) {				\
		_at = (u8 *)(_slot.claim - TT_SLACK);				\
		*(u32 *)_at = ((u32)_slot.delta | (client)->words[index]) | (wide); \
		_at += 4;							\
		TT_EACH##n(store, TT_SEP_NONE, __VA_ARGS__)			\
		tt_commit(_slot.claim, _bytes, 1);				\
	}									\
	preempt_enable_notrace();						\
} while (0)

/*
 * Defines static inline @func(fields...), which records event number @index
 * of @client when @client->key, which is @key, is on.
 */
#define TT_RECORDER(func, client, key, index, n, ...)				\
static noinline __maybe_unused void func##_wide(TT_PARAMS(n, __VA_ARGS__))	\
{										\
	TT_RECORD(client, index, (u32)TT_ID_WIDE << TT_TIME_BITS, TT_SIZE, TT_STORE, \
		  n, __VA_ARGS__);						\
}										\
static __always_inline void func(TT_PARAMS(n, __VA_ARGS__))			\
{										\
	if (static_branch_unlikely(key)) {					\
		if (unlikely(TT_EACH##n(TT_HIGH, TT_SEP_OR, __VA_ARGS__)))	\
			func##_wide(TT_NAMES(n, __VA_ARGS__));			\
		else								\
			TT_RECORD(client, index, 0, TT_NARROW_SIZE, TT_NARROW_STORE, \
				  n, __VA_ARGS__);				\
	}									\
}

#endif /* TIMETRACE_KERNEL_H */
