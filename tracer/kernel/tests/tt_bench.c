// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a record costs, beside other ways to keep one. Each read of
 * /proc/tt_bench runs every loop once and prints "loop iterations ns"; the
 * caller subtracts the loops "empty" and "clock". Interrupts are off during
 * 1000 iterations at a time, so that none is charged to a record, and nothing
 * waits for the CPU, which the end of each record would notice.
 */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/vmalloc.h>
#include <timetrace/kernel.h>

#define CREATE_TRACE_POINTS
#include "tt_bench_trace.h"

#define SLICE 1000
#define SLICES 1000
#define SLICES_SLOW 50 /* of what takes a microsecond each */

static struct tt_key bench_key = TT_KEY_INIT;
static struct tt_key off_key = TT_KEY_INIT;

static const struct tt_event_def bench_events[] = {
	TT_EVENT_DEF("bench_", 2, record, "benchmark", u64, rpc_id, "id", u32, length, "bytes")
};

static struct tt_client bench_client = {
	.group = "bench",
	.events = bench_events,
	.nevents = ARRAY_SIZE(bench_events),
	.key = &bench_key,
};

TT_RECORDER(record, &bench_client, &bench_key, 0, 2, u64, rpc_id, "id", u32, length, "bytes")
TT_RECORDER(record_off, &bench_client, &off_key, 0, 2, u64, rpc_id, "id", u32, length, "bytes")

/* The clock alone, as one number. */
static __always_inline u64 ticks(void)
{
#ifdef TT_HAVE_TSC
	if (static_branch_likely(&bench_client.tsc))
		return get_cycles();
#endif
	return ktime_get_mono_fast_ns();
}

/* A flight recorder with records of 32 bytes and a locked reserve. */
#define LOCKED_RECORDS 16384

struct locked_record {
	u64 time;
	const char *format;
	u32 args[4];
};

static struct locked_record *locked_records;
static atomic_t locked_next;

static __always_inline void record_locked(u64 rpc_id, u32 length)
{
	u32 i = atomic_fetch_add(1, &locked_next) & (LOCKED_RECORDS - 1);
	struct locked_record *r = &locked_records[i];

	r->time = ticks();
	r->format = "rpc %u %u length %u";
	r->args[0] = rpc_id;
	r->args[1] = rpc_id >> 32;
	r->args[2] = length;
	r->args[3] = 0;
}

static u64 sink;

/* @id and @length are the same all the time, so that no loop has to make them. */
#define LOOP(name, slices, statement)						\
static noinline void loop_##name(struct seq_file *seq)				\
{										\
	u64 id = READ_ONCE(sink) | 1;						\
	u32 length = id & 1023;							\
	u64 ns = 0;								\
	unsigned long flags;							\
	u32 slice, i;								\
	u64 begin;								\
										\
	for (slice = 0; slice < (slices); slice++) {				\
		local_irq_save(flags);						\
		begin = ktime_get_mono_fast_ns();				\
		for (i = SLICE; i; i--) {					\
			statement;						\
			barrier();						\
		}								\
		ns += ktime_get_mono_fast_ns() - begin;				\
		local_irq_restore(flags);					\
		cond_resched();							\
	}									\
	seq_printf(seq, #name " %u %llu\n", (slices) * SLICE, ns);		\
	(void)id, (void)length;							\
}

LOOP(empty, SLICES, (void)0)
LOOP(clock, SLICES, WRITE_ONCE(sink, ticks()))
LOOP(store, SLICES, WRITE_ONCE(sink, id))
LOOP(disabled, SLICES, record_off(id, length))
LOOP(record, SLICES, record(id, length))
LOOP(locked32, SLICES, record_locked(id, length))
LOOP(ftrace, SLICES_SLOW, trace_tt_bench_record(id, length))
LOOP(trace_printk, SLICES_SLOW, trace_printk("rpc %llu length %u\n", id, length))

static int show(struct seq_file *seq, void *unused)
{
	loop_empty(seq);
	loop_store(seq);
	loop_clock(seq);
	loop_disabled(seq);
	loop_record(seq);
	loop_locked32(seq);
	loop_ftrace(seq);
	loop_trace_printk(seq);
	return 0;
}

static int __init bench_init(void)
{
	int err;

	locked_records = vcalloc(LOCKED_RECORDS, sizeof(*locked_records));
	if (!locked_records)
		return -ENOMEM;
	err = tt_attach(&bench_client);
	if (err)
		goto err_free;
	if (proc_create_single("tt_bench", 0400, NULL, show))
		return 0;
	err = -ENOMEM;
	tt_detach(&bench_client);
err_free:
	vfree(locked_records);
	return err;
}

static void __exit bench_exit(void)
{
	remove_proc_entry("tt_bench", NULL);
	tt_detach(&bench_client);
	vfree(locked_records);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Benchmark of the flight recorder");
