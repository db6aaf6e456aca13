// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fast path in user space, in ns of this machine. Prints lines "loop
 * iterations ns"; each is the quietest twentieth of many slices, because
 * everything else that runs here can only add.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

/* As homa.ko does. */
#define TT_HOME home

#include "../clock.h"
#include "../ring.h"

#define SLICE 1000
#define SLICES 3000
#define BURST 8
#define RING_BYTES (1ul << 20)

bool irqs_off;

u64 ktime_get_mono_fast_ns(void)
{
	return __rdtsc();
}

u64 tt_clock_now(void)
{
	return __rdtsc();
}

struct page *alloc_page(void)
{
	return malloc(sizeof(struct page));
}

static void *area;

void *vmap(struct page **pages, unsigned long n, int flags, int prot)
{
	(void)pages, (void)flags, (void)prot;
	area = aligned_alloc(2 * PAGE_SIZE, n * PAGE_SIZE);
	return area;
}

void vunmap(void *at)
{
	free(at);
}

static struct tt_key key = { .by_tsc = { 1 } };
struct tt_cpu home ____cacheline_aligned;
static struct tt_client client = { .slow = tt_ring_slow, .key = &key,
				   .ids = { TT_ID_FIRST }, .tsc = { 1 } };

TT_RECORDER(record, &client, &key, 0, 2, u64, rpc_id, "id", u32, length, "bytes")

/* As in tt_bench.c. */
static struct {
	u64 time;
	const char *format;
	u32 args[4];
} locked_records[16384];
static u32 locked_next;

static __always_inline void record_locked(u64 rpc_id, u32 length)
{
	u32 i = __atomic_fetch_add(&locked_next, 1, __ATOMIC_RELAXED) % 16384;

	locked_records[i].time = __rdtsc();
	locked_records[i].format = "rpc %u %u length %u";
	locked_records[i].args[0] = (u32)rpc_id;
	locked_records[i].args[1] = rpc_id >> 32;
	locked_records[i].args[2] = length;
	locked_records[i].args[3] = 0;
}

static u64 sink;
static double ns_per_tick;

static u64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

static void measure_tick(void)
{
	u64 ns = clock_ns(), ticks = __rdtsc();

	while (clock_ns() - ns < 50000000)
		;
	ns_per_tick = (double)(clock_ns() - ns) / (double)(__rdtsc() - ticks);
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

static void report(const char *name, u64 *ticks, u32 slices, u32 iterations)
{
	qsort(ticks, slices, sizeof(*ticks), compare);
	printf("%s %u %.3f\n", name, iterations, (double)ticks[slices / 20] * ns_per_tick);
}

#define LOOP(name, statement)							\
static void loop_##name(void)							\
{										\
	static u64 ticks[SLICES];						\
	u32 slice, i;								\
										\
	for (slice = 0; slice < SLICES; slice++) {				\
		u64 begin = __rdtsc();						\
										\
		for (i = 0; i < SLICE; i++) {					\
			statement;						\
			barrier();						\
		}								\
		ticks[slice] = __rdtsc() - begin;				\
	}									\
	report(#name, ticks, SLICES, SLICE);					\
}

LOOP(empty, (void)0)
LOOP(store, WRITE_ONCE(sink, i))
LOOP(clock, WRITE_ONCE(sink, __rdtsc()))
LOOP(record, record(i, i))
LOOP(locked32, record_locked(i, i))

/* All that a record touches. */
static void flush(void)
{
	unsigned long at = home.cursor - TT_SLACK;
	u32 i;

	_mm_clflush(&client);
	_mm_clflush((char *)&client + 64);
	_mm_clflush((char *)&client + 128);
	_mm_clflush(&key);
	_mm_clflush(&home);
	_mm_clflush((void *)(at & -TT_BLOCK_BYTES));
	for (i = 0; i < 4; i++)
		_mm_clflush((void *)(at + 64 * i));
	_mm_mfence();
}

static void burst(const char *name, bool records)
{
	static u64 ticks[SLICES];
	u32 slice, i;
	u64 begin;

	for (slice = 0; slice < SLICES; slice++) {
		flush();
		_mm_lfence();
		begin = __rdtsc();
		for (i = 0; i < BURST; i++) {
			if (records)
				record(i, i);
			barrier();
		}
		_mm_lfence();
		ticks[slice] = __rdtsc() - begin;
	}
	qsort(ticks, SLICES, sizeof(*ticks), compare);
	printf("%s %u %.3f\n", name, BURST, (double)ticks[SLICES / 2] * ns_per_tick);
}

static void told(void)
{
}

int main(void)
{
	if (tt_rings_init(RING_BYTES)) {
		fprintf(stderr, "tracer_bench: no memory for a ring\n");
		return 1;
	}
	tt_rings_move(&home, told);
	tt_rings_thaw();
	measure_tick();
	loop_empty();
	loop_store();
	loop_clock();
	loop_record();
	loop_locked32();
	burst("record_cold", true);
	burst("harness_cold", false);
	tt_rings_exit();
	return 0;
}
