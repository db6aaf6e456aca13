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
#include <timetrace/event_list.h>
#include <timetrace/record.h>

#if BITS_PER_LONG != 64 || !defined(__LITTLE_ENDIAN)
#error "timetrace needs a 64-bit little-endian kernel"
#endif

/* Changes whenever struct tt_client or the recording protocol does. */
#define TT_ABI 8

#define TT_BLOCK_BYTES PAGE_SIZE
#define TT_SLACK (TT_MAX_RECORD_BYTES - TT_RECORD_ALIGN)
#define TT_MAX_CLIENT_EVENTS 96
#define TT_MAX_STAGES 16
#define TT_NO_LIMIT (~0u)

#if defined(CONFIG_X86_TSC) && !defined(CONFIG_UML)
#define TT_HAVE_TSC 1
#endif

/**
 * struct tt_key - whether a client records
 * @by_tsc: it does, and reads time from the time stamp counter.
 * @by_ns: it does, and reads it in ns.
 *
 * One of them at most is on. Both belong to the same instruction of a
 * recorder, which is a nop or jumps to what reads the one clock or the other.
 */
struct tt_key {
	struct static_key_false by_tsc;
	struct static_key_false by_ns;
};

#define TT_KEY_INIT { STATIC_KEY_FALSE_INIT, STATIC_KEY_FALSE_INIT }

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

/**
 * struct tt_part_def - an event that records of another event hold
 * @event: index of the event that holds it.
 * @part: index of the event it is.
 * @time: field with the lower bits of its time, u16, or u32 of which 0 means that it did
 *	not happen; TT_PART_SAME: that of the record.
 * @cpu: u16 field with the CPU it happened on; TT_PART_SAME: that of the record.
 * @args: for each of its fields the field of the record, or TT_PART_ZERO.
 *
 * Events that always come together cost one record. Parts of an event are
 * listed in the order of their times.
 */
struct tt_part_def {
	u8 event;
	u8 part;
	u8 time;
	u8 cpu;
	u8 args[TT_MAX_EVENT_FIELDS];
};

/* A duration of which histograms are kept, see tt_observe(). */
struct tt_stage_def {
	const char *name;
	const char *doc;
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
 * @commit: TT_COMMIT_RECORD for each record and 1 for each byte of a block
 *	that was written completely.
 * @epoch: upper half of the time of records written at @cursor; TT_NO_EPOCH
 *	forces the slow path.
 */
struct tt_cpu {
	unsigned long cursor;
	u64 commit;
	u32 epoch;
};

#define TT_NO_EPOCH (~0u) /* the upper half of no time */

/**
 * struct tt_time - a time in ticks, in halves
 *
 * Functions that are not inline take the halves one by one: for a structure
 * in one register compilers join them, on the fast path too.
 */
struct tt_time {
	u32 low;
	u32 high;
};

/**
 * struct tt_client - a group of events
 * @group: its name, for the control words "on GROUP" and "off GROUP".
 * @events: their descriptions, copied by the tracer.
 * @nevents: how many, at most TT_MAX_CLIENT_EVENTS.
 * @parts: optional; what its events hold of others, grouped by event.
 * @nparts: how many.
 * @stages: optional; durations that it observes.
 * @nstages: how many, at most TT_MAX_STAGES.
 * @key: what the recorders test; the tracer switches it.
 * @home: optional; where the tracer keeps its struct tt_cpu while the client is
 *	attached, see TT_HOME. Refused with -EBUSY when another client has one.
 * @on_switch: optional; called before @key goes on and after it went off.
 * @flush: optional; records what the client has noted and not recorded yet. May sleep; @key is
 *	on. Called before rings are frozen or copied.
 * @tell_peers: optional; lets other hosts know that a trigger of this one has fired, and by
 *	what name their traces of the moment shall go, too. May sleep.
 * @cpu: set by the tracer, as all below; what a record needs begins a cache line.
 * @tsc: time is read from the time stamp counter.
 * @ids: of the events.
 * @counts: of each bucket of each stage.
 * @spans: of each stage: durations from TT_HIST_LINEAR ticks on, so many, are just counted.
 * @limits: of each stage in ticks, else TT_NO_LIMIT.
 * @slow: replaces a claim that the fast path could not use; 0: lost.
 * @over: what happens when a duration is above its limit.
 * @freeze: stops recording; call it through tt_freeze() only.
 * @detach: ends the registration; afterwards no recorder runs.
 * @entry: link in the tracer's list.
 */
struct tt_client {
	const char *group;
	const struct tt_event_def *events;
	u32 nevents;
	const struct tt_part_def *parts;
	u32 nparts;
	const struct tt_stage_def *stages;
	u32 nstages;
	struct tt_key *key;
	struct tt_cpu __percpu *home;
	int (*on_switch)(struct tt_client *client, bool on);
	void (*flush)(struct tt_client *client);
	void (*tell_peers)(struct tt_client *client, u64 capture);

	struct tt_cpu __percpu *cpu ____cacheline_aligned;
	struct static_key_false tsc;
	u16 ids[TT_MAX_CLIENT_EVENTS];
	u64 __percpu *counts;
	u32 spans[TT_MAX_STAGES];
	u32 limits[TT_MAX_STAGES];
	unsigned long (*slow)(struct tt_cpu __percpu *cpu, unsigned long claim, u32 bytes,
			      struct tt_time time);
	void (*over)(struct tt_client *client, u32 stage, u64 ticks);
	void (*freeze)(struct tt_client *client, const char *reason, u64 capture);
	void (*detach)(struct tt_client *client);
	struct list_head entry;
};

/*
 * A module that defines TT_HOME as the name of its per-CPU struct tt_cpu, and
 * gives that as client->home, finds the cursor at an address that is part of
 * its code: no record waits for a pointer to come from memory first.
 */
#ifdef TT_HOME
DECLARE_PER_CPU_ALIGNED(struct tt_cpu, TT_HOME);
#define TT_CPU(client) (&TT_HOME)
#endif
#ifndef TT_CPU
#define TT_CPU(client) READ_ONCE((client)->cpu)
#endif

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
 * @capture: what the traces of all hosts call this moment; 0: nothing.
 *
 * A trigger that is armed to capture does that instead of stopping, once it is over with an
 * earlier capture; after its last one nothing happens until it is armed or switched off.
 *
 * Return: false without a tracer.
 */
static inline bool tt_freeze(struct tt_client *client, const char *reason, u64 capture)
{
	/* Pairs with the tracer's release of detach, which it sets last. */
	if (!smp_load_acquire(&client->detach))
		return false;
	client->freeze(client, reason, capture);
	return true;
}

#ifdef TT_HAVE_TSC
#define tt_by_tsc(client) static_branch_likely(&(client)->tsc)

static __always_inline struct tt_time tt_clock_tsc(void)
{
	struct tt_time time;

	asm volatile("rdtsc" : "=a" (time.low), "=d" (time.high));
	return time;
}
#else
#define tt_by_tsc(client) false
#define tt_clock_tsc tt_clock_ns
#endif

static __always_inline struct tt_time tt_clock_ns(void)
{
	u64 ns = ktime_get_mono_fast_ns();

	return (struct tt_time){ ns, ns >> 32 };
}

/* The time of records in ticks, which are those of the TSC where it can be trusted, else ns. */
static __always_inline struct tt_time tt_clock(struct tt_client *client)
{
	return tt_by_tsc(client) ? tt_clock_tsc() : tt_clock_ns();
}

enum { TT_OFF, TT_BY_TSC, TT_BY_NS };

#ifdef TT_BARE
/* A client that cannot record shows what its nops cost. */
#define tt_on(key) ((void)(key), TT_OFF)
#elif defined(TT_HAVE_TSC) && defined(CONFIG_JUMP_LABEL)
/* Entry of the table of jumps for the instruction at 1. */
#define TT_JUMP(label, key)							\
	".pushsection __jump_table, \"aw\"\n\t"				\
	".balign 8\n\t"								\
	".long 1b - .\n\t"							\
	".long %l[" #label "] - .\n\t"						\
	".quad %c[" #key "] - .\n\t"						\
	".popsection\n\t"

static __always_inline int tt_branch(struct static_key *by_tsc, struct static_key *by_ns)
{
	asm goto("1:\n\t"
		 ".byte " __stringify(BYTES_NOP5) "\n\t"
		 TT_JUMP(on_tsc, by_tsc)
		 TT_JUMP(on_ns, by_ns)
		 : : [by_tsc] "i" (by_tsc), [by_ns] "i" (by_ns) : : on_tsc, on_ns);
	return TT_OFF;
on_tsc:
	return TT_BY_TSC;
on_ns:
	return TT_BY_NS;
}

/* Which clock @key says to record with, or TT_OFF; @key is a constant address. */
#define tt_on(_key) tt_branch(&(_key)->by_tsc.key, &(_key)->by_ns.key)
#elif defined(TT_HAVE_TSC)
#define tt_on(key) (likely(static_key_enabled(&(key)->by_tsc)) ? TT_BY_TSC :	\
		    static_key_enabled(&(key)->by_ns) ? TT_BY_NS : TT_OFF)
#else
#define tt_on(key) (static_branch_unlikely(&(key)->by_ns) ? TT_BY_NS : TT_OFF)
#endif

/* The time of records; @by is what tt_on() said. */
static __always_inline struct tt_time tt_clock_by(int by)
{
	struct tt_time time;

	if (likely(by == TT_BY_TSC))
		return tt_clock_tsc();
	time = tt_clock_ns();
#ifdef TT_HAVE_TSC
	/* Where the counter would be, so that nothing moves there for the sake of this. */
	asm("" : "+a" (time.low), "+d" (time.high));
#endif
	return time;
}

/* Stores the lower half of the time. */
static __always_inline void tt_stamp_by(int by, u32 *to)
{
#ifdef TT_HAVE_TSC
	/* In one: compilers would join it with the other, and jump once more. */
	if (by == TT_BY_TSC) {
		asm volatile("rdtsc\n\tmovl %%eax, %0" : "=m" (*to) : : "eax", "edx");
		return;
	}
#endif
	*to = tt_clock_ns().low;
}

/* How long ago @then was. */
static __always_inline struct tt_time tt_since(struct tt_time now, struct tt_time then)
{
	return (struct tt_time){ now.low - then.low,
				 now.high - then.high - (now.low < then.low) };
}

/* The time less than 2^32 ticks before @now whose lower half is @low. */
static __always_inline struct tt_time tt_ago(struct tt_time now, u32 low)
{
	return (struct tt_time){ low, now.high - (low > now.low) };
}

/*
 * Claims @bytes on this CPU; preemption is off. False: not usable, to be
 * given to client->slow.
 *
 * The claim is one unlocked instruction, so an interrupt or NMI either claims
 * before or after it. The epoch is read after the claim: when it is that of
 * the time, it was in force at the claim, because whoever changes it while a
 * claim is unfinished leaves TT_NO_EPOCH.
 */
static __always_inline bool tt_claim(struct tt_cpu __percpu *cpu, u32 bytes, struct tt_time time,
				     unsigned long *claim)
{
	*claim = this_cpu_add_return(cpu->cursor, bytes) - bytes;
	barrier();
	return likely(!(*claim & TT_BLOCK_BYTES)) && likely(time.high == raw_cpu_read(cpu->epoch));
}

/* Publishes @bytes as @records records (0: padding). */
static __always_inline void tt_commit(struct tt_cpu __percpu *cpu, u32 bytes, u32 records)
{
	/* Pairs with the barrier of readers on other CPUs between commit and content. */
	smp_wmb();
	this_cpu_add(cpu->commit, records * TT_COMMIT_RECORD + bytes);
}

#define TT_RECORD_BYTES(n, ...) ((u32)ALIGN(TT_HEAD_BYTES + TT_SIZES(n, __VA_ARGS__), \
					    TT_RECORD_ALIGN))
#define TT_STORE(t, f, u) { __builtin_memcpy(_at, &(f), sizeof(f)); _at += sizeof(f); }

/* Stores the record at @claim and publishes it. */
#define TT_FILL(client, cpu, index, claim, time, n, ...)			\
do {										\
	u8 *_at = (u8 *)((claim) - TT_SLACK);					\
	u32 _id = (client)->ids[index];						\
										\
	((struct tt_record_head *)_at)->time = (time).low;			\
	/* Longer than the id, the constant is stored by one instruction. */	\
	__builtin_memcpy(&((struct tt_record_head *)_at)->id, &_id, sizeof(_id)); \
	_at += TT_HEAD_BYTES;							\
	TT_EACH##n(TT_STORE, TT_SEP_NONE, __VA_ARGS__)				\
	tt_commit(cpu, TT_RECORD_BYTES(n, __VA_ARGS__), 1);			\
} while (0)

/*
 * Copies in pieces that compilers write out: a call of memcpy() takes longer.
 * @bytes is constant.
 */
static __always_inline void tt_copy(u8 *to, const u8 *from, u32 bytes)
{
	u32 at;

#pragma GCC unroll 16
	for (at = 0; at + sizeof(u64) <= bytes; at += sizeof(u64))
		__builtin_memcpy(to + at, from + at, sizeof(u64));
	__builtin_memcpy(to + at, from + at, bytes - at);
}

/* Stores the record at @claim, whose fields are at @image, and publishes it. */
#define TT_FILL_IMAGE(client, cpu, index, claim, time, image, n, ...)		\
do {										\
	u8 *_at = (u8 *)((claim) - TT_SLACK);					\
										\
	((struct tt_record_head *)_at)->time = (time).low;			\
	((struct tt_record_head *)_at)->id = (client)->ids[index];		\
	tt_copy(_at + TT_HEAD_BYTES, image, TT_SIZES(n, __VA_ARGS__));		\
	tt_commit(cpu, TT_RECORD_BYTES(n, __VA_ARGS__), 1);			\
} while (0)

/*
 * Defines static inline @func##_at(time, image), which records event number
 * @index of @client as of @time, whether its key is on or not; preemption must
 * be off. @image is what TT_MEMBERS() of the fields makes, which must have no
 * padding between them.
 */
#define TT_IMAGE_RECORDER_AT(func, client, index, n, ...)			\
static noinline __maybe_unused void						\
func##_slow(struct tt_cpu __percpu *_cpu, unsigned long claim, u32 _low, u32 _high, \
	    const void *image)							\
{										\
	struct tt_time time = { _low, _high };					\
										\
	claim = (client)->slow(_cpu, claim, TT_RECORD_BYTES(n, __VA_ARGS__), time); \
	if (claim)								\
		TT_FILL_IMAGE(client, _cpu, index, claim, time, image, n, __VA_ARGS__); \
}										\
static __always_inline __maybe_unused void func##_at(struct tt_time time, const void *image) \
{										\
	struct tt_cpu __percpu *_cpu = TT_CPU(client);				\
	unsigned long _claim;							\
										\
	if (tt_claim(_cpu, TT_RECORD_BYTES(n, __VA_ARGS__), time, &_claim))	\
		TT_FILL_IMAGE(client, _cpu, index, _claim, time, image, n, __VA_ARGS__); \
	else									\
		func##_slow(_cpu, _claim, time.low, time.high, image);		\
}

/*
 * Defines static inline @func##_at(time, fields...), which records event
 * number @index of @client as of @time, whether its key is on or not;
 * preemption must be off.
 */
#define TT_RECORDER_AT(func, client, index, n, ...)				\
static noinline __maybe_unused void						\
func##_slow(struct tt_cpu __percpu *_cpu, unsigned long claim, u32 _low, u32 _high, \
	    TT_PARAMS(n, __VA_ARGS__))						\
{										\
	struct tt_time time = { _low, _high };					\
										\
	claim = (client)->slow(_cpu, claim, TT_RECORD_BYTES(n, __VA_ARGS__), time); \
	if (claim)								\
		TT_FILL(client, _cpu, index, claim, time, n, __VA_ARGS__);	\
}										\
static __always_inline __maybe_unused void func##_at(struct tt_time time,	\
						     TT_PARAMS(n, __VA_ARGS__))	\
{										\
	struct tt_cpu __percpu *_cpu = TT_CPU(client);				\
	unsigned long _claim;							\
										\
	if (tt_claim(_cpu, TT_RECORD_BYTES(n, __VA_ARGS__), time, &_claim))	\
		TT_FILL(client, _cpu, index, _claim, time, n, __VA_ARGS__);	\
	else									\
		func##_slow(_cpu, _claim, time.low, time.high,			\
			    TT_NAMES(n, __VA_ARGS__));				\
}

/*
 * Defines @func##_at(), and static inline @func(fields...), which records the
 * event when @client->key, which is @key, is on.
 */
#define TT_RECORDER(func, client, key, index, n, ...)				\
TT_RECORDER_AT(func, client, index, n, __VA_ARGS__)				\
static __always_inline __maybe_unused void func(TT_PARAMS(n, __VA_ARGS__))			\
{										\
	int _by = tt_on(key);							\
										\
	if (_by) {								\
		preempt_disable_notrace();					\
		func##_at(tt_clock_by(_by), TT_NAMES(n, __VA_ARGS__));		\
		preempt_enable_notrace();					\
	}									\
}

/* The same as tt_observe() of any duration. */
static noinline __maybe_unused void tt_observe_long(struct tt_client *client, u32 stage, u64 ticks)
{
	u64 __percpu *counts = client->counts + stage * TT_HIST_BUCKETS;
	u32 value = min_t(u64, ticks, TT_NO_LIMIT);

	this_cpu_inc(counts[tt_hist_bucket(value)]);
	if (value > READ_ONCE(client->limits[stage]))
		client->over(client, stage, ticks);
}

/**
 * tt_observe() - count a duration in the histogram of its stage
 * @client: its key is on; it is not detached meanwhile.
 * @stage: index in @client->stages.
 * @ticks: the duration.
 */
static __always_inline void tt_observe(struct tt_client *client, u32 stage, u32 ticks)
{
	u64 __percpu *counts = client->counts + stage * TT_HIST_BUCKETS;

	/* Neither so short that its bucket is another sum, nor above the limit. */
	if (likely(ticks - TT_HIST_LINEAR < data_race(client->spans[stage])))
		this_cpu_inc(counts[tt_hist_octave_bucket(ticks)]);
	else
		tt_observe_long(client, stage, ticks);
}

#endif /* TIMETRACE_KERNEL_H */
