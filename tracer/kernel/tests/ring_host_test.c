// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring.c in user space, with interrupts and NMIs that come between any two of
 * its steps and record themselves. After every run each record must be read
 * back whole, with its exact time, or be counted as lost. The pages behind
 * blocks, which nobody may touch, are poisoned under AddressSanitizer.
 */
#include <assert.h>
#include <stdio.h>

#include "../clock.h"
#include "../ring.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define CHECK(x)									\
	do {										\
		if (!(x)) {								\
			fprintf(stderr, "%s:%d: seed %u: %s\n", __FILE__, __LINE__,	\
				seed, #x);						\
			exit(1);							\
		}									\
	} while (0)

#define MAX_RECORDS 60000
#define ID_SMALL 2
#define ID_LARGE 3

static unsigned int seed;
static u64 random_state;

static u32 random_below(u32 n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (u32)(random_state >> 20) % n;
}

/* Clock: mostly small steps, now and then beyond what a head can say. */
static u64 now_ns;
static u64 times[MAX_RECORDS]; /* of each record, by its number */
static u64 produced;

u64 ktime_get_mono_fast_ns(void)
{
	now_ns += 1 + random_below(100);
	if (!random_below(200))
		now_ns += (u64)random_below(3) << 30;
	if (!random_below(5000))
		now_ns += 1ull << 40;
	return now_ns;
}

u64 tt_clock_now(void)
{
	return ktime_get_mono_fast_ns();
}

bool irqs_off;
static bool in_nmi;
static u32 depth;
static u32 odds_of_run;
static u32 odds; /* an interrupt comes once in so many places; 0: never */
static u32 failing_page; /* the allocation that fails, counted down; 0: none */

struct page *alloc_page(void)
{
	if (failing_page && !--failing_page)
		return NULL;
	return malloc(sizeof(struct page));
}

static void *mapping;
static unsigned long mapped_bytes;
static bool odd_mapping;

/* One page more than asked for, so that both alignments of the area occur. */
void *vmap(struct page **pages, unsigned long n, int flags, int prot)
{
	char *area = aligned_alloc(2 * PAGE_SIZE, (n + 2) * PAGE_SIZE);
	unsigned long i;

	(void)pages, (void)flags, (void)prot;
	assert(n % 2 == 0);
	mapping = area;
	mapped_bytes = (n + 2) * PAGE_SIZE;
	for (i = 1; i < n + 2; i += 2)
		ASAN_POISON_MEMORY_REGION(area + i * PAGE_SIZE, PAGE_SIZE);
	return odd_mapping ? area + PAGE_SIZE : area;
}

void vunmap(void *area)
{
	(void)area;
	ASAN_UNPOISON_MEMORY_REGION(mapping, mapped_bytes);
	free(mapping);
}

static struct tt_key key;
static struct tt_client client = { .slow = tt_ring_slow,
				   .key = &key };

#define SMALL_BYTES 14

/* As TT_RECORDER, but notes the time it read. */
static void record(void)
{
	struct tt_record_head head;
	struct tt_cpu *cpu;
	struct tt_time time;
	unsigned long claim;
	u64 number, now;
	bool large;
	u32 bytes;
	u8 *at;

	if (produced == MAX_RECORDS)
		return;
	number = produced++;
	large = number % 3 == 0;
	bytes = large ? TT_MAX_RECORD_BYTES : SMALL_BYTES;
	now = ktime_get_mono_fast_ns();
	times[number] = now;
	time = (struct tt_time){ (u32)now, now >> 32 };
	interrupt();
	cpu = client.cpu;
	if (!tt_claim(cpu, bytes, time, &claim))
		claim = client.slow(cpu, claim, bytes, time);
	if (!claim)
		return;
	at = (u8 *)(claim - TT_SLACK);
	interrupt();
	memcpy(at + sizeof(head), &number, sizeof(number));
	if (large)
		memset(at + SMALL_BYTES, (int)number, bytes - SMALL_BYTES);
	interrupt();
	head = (struct tt_record_head){ time.low, large ? ID_LARGE : ID_SMALL };
	memcpy(at, &head, sizeof(head));
	tt_commit(cpu, bytes, 1);
}

void interrupt(void)
{
	bool was_off = irqs_off, was_nmi = in_nmi;
	u32 i, n;

	if (!odds || depth == 4 || in_nmi || random_below(odds))
		return;
	/* With interrupts off only an NMI can come. */
	in_nmi = irqs_off || !random_below(4);
	irqs_off = true;
	depth++;
	n = random_below(10) ? 1 + random_below(4) : random_below(600);
	/* Handlers may be interrupted by higher ones, so interrupts are on again. */
	irqs_off = in_nmi;
	for (i = 0; i < n; i++)
		record();
	depth--;
	irqs_off = was_off;
	in_nmi = was_nmi;
}

static char seen[MAX_RECORDS];

static u64 check_block(const struct tt_block *block)
{
	const u8 *at = (const u8 *)(block + 1);
	const u8 *end = at + TT_COMMIT_BYTES(block->commit);
	u32 epoch = block->time_ticks >> 32;
	struct tt_record_head head;
	u64 records = 0;
	u64 number, time;
	u32 bytes, i;

	CHECK(block->magic == TT_BLOCK_MAGIC);
	for (; at + sizeof(head) <= end; at += bytes) {
		memcpy(&head, at, sizeof(head));
		if (head.id == TT_ID_PAD) {
			bytes = head.time;
			CHECK(bytes >= sizeof(head) && bytes % TT_RECORD_ALIGN == 0);
			continue;
		}
		if (head.id == TT_ID_EXTEND) {
			bytes = TT_EXTEND_BYTES;
			memcpy(&epoch, at + sizeof(head), sizeof(epoch));
			continue;
		}
		CHECK(head.id == ID_SMALL || head.id == ID_LARGE);
		bytes = head.id == ID_LARGE ? TT_MAX_RECORD_BYTES : SMALL_BYTES;
		memcpy(&number, at + sizeof(head), sizeof(number));
		CHECK(number < produced && !seen[number]);
		CHECK((number % 3 == 0) == (head.id == ID_LARGE));
		for (i = SMALL_BYTES; i < bytes; i++)
			CHECK(at[i] == (u8)number);
		time = (u64)epoch << 32 | head.time;
		CHECK(time == times[number]);
		seen[number] = 1;
		records++;
	}
	CHECK(at <= end);
	return records;
}

/* Reads everything back; @base: records produced when the ring was last cleared. */
static void check_ring(u64 base)
{
	static _Alignas(PAGE_SIZE) u8 page[PAGE_SIZE];
	struct tt_cut cut;
	u64 decoded = 0, lost = 0;
	u64 k;
	int i;

	tt_ring_cut(0, &cut);
	CHECK(cut.whole == cut.end);
	memset(seen, 0, sizeof(seen));
	for (k = cut.begin; k < cut.end; k++) {
		CHECK(tt_ring_copy(0, &cut, k, (struct tt_block *)page) == 0);
		decoded += check_block((struct tt_block *)page);
	}
	for (i = 0; i < TT_RING_LOSSES; i++)
		lost += cut.lost[i];
	/* Records in the making when the first block was opened are not in its count. */
	CHECK(cut.stored >= cut.overwritten + decoded);
	CHECK(cut.stored <= cut.overwritten + decoded + (odds_of_run ? 5 : 0));
	CHECK(produced - base == cut.stored + lost);
}

static void begin(u32 run, u64 blocks)
{
	seed = run;
	random_state = (run + 1) * 0x9e3779b97f4a7c15ull;
	now_ns = random_below(1000000000);
	produced = 0;
	odd_mapping = run & 1;
	CHECK(tt_rings_init(blocks * PAGE_SIZE) == 0);
	client.cpu = tt_rings_hot;
	tt_rings_thaw();
	tt_rings_set_mode(TT_RING_OVERWRITE);
}

static void end(void)
{
	odds_of_run = odds;
	odds = 0;
	check_ring(0);
	tt_rings_exit();
	memset(&tt_rings, 0, sizeof(tt_rings));
}

/* Any mix of interrupts over rings of any size, some wrapped many times. */
static void test_nesting(void)
{
	u32 run, i;

	for (run = 0; run < 600; run++) {
		begin(run, 1ull << random_below(7));
		odds = run % 10 ? 5 + random_below(200) : 0;
		for (i = 0; i < 2000; i++)
			record();
		end();
	}
}

static void test_wraps_lose_nothing_else(void)
{
	struct tt_cut cut;
	u32 i;

	begin(1000, 4);
	for (i = 0; i < 5000; i++)
		record();
	tt_ring_cut(0, &cut);
	CHECK(cut.overwritten > 0 && cut.end - cut.begin == 4);
	CHECK(cut.lost[0] + cut.lost[1] + cut.lost[2] == 0);
	end();
}

static void test_stop_keeps_the_oldest(void)
{
	struct tt_cut cut;
	u32 i;

	begin(1001, 4);
	tt_rings_set_mode(TT_RING_STOP);
	for (i = 0; i < 5000; i++)
		record();
	tt_ring_cut(0, &cut);
	CHECK(cut.begin == 0 && cut.end == 4 && cut.overwritten == 0);
	CHECK(cut.lost[TT_RING_FULL] == 5000 - cut.stored);
	tt_rings_clear();
	for (i = 0; i < 10; i++)
		record();
	odds = 0;
	check_ring(5000);
	tt_rings_exit();
	memset(&tt_rings, 0, sizeof(tt_rings));
}

static void test_freeze_counts(void)
{
	struct tt_cut cut;
	u32 i;

	begin(1002, 4);
	odds = 5000;
	for (i = 0; i < 3000; i++) {
		if (i % 100 == 50) {
			tt_rings_freeze();
			CHECK(tt_rings.settled == tt_rings.opened);
			CHECK(tt_rings.shared->settled == tt_rings.opened);
		}
		if (i % 100 == 70)
			tt_rings_thaw();
		record();
	}
	odds = 0;
	tt_ring_cut(0, &cut);
	CHECK(cut.lost[TT_RING_FROZEN] >= 600);
	end();
}

static struct tt_cpu home;

static void tell(void)
{
	client.cpu = tt_rings_hot;
}

/* Modules come and go while interrupts record, some of which still claim where it was. */
static void test_moves_lose_no_count(void)
{
	u32 run, i;

	for (run = 0; run < 100; run++) {
		begin(2000 + run, 4);
		odds = 5 + random_below(50);
		for (i = 0; i < 2000; i++) {
			if (i % 100 == 50)
				tt_rings_move(i % 200 == 50 ? &home : NULL, tell);
			record();
		}
		end();
	}
}

static void test_resize(void)
{
	u32 i;

	begin(1003, 2);
	for (i = 0; i < 100; i++)
		record();
	CHECK(tt_rings_resize(3 * PAGE_SIZE) == -EINVAL);
	CHECK(tt_rings_resize(PAGE_SIZE / 2) == -EINVAL);
	failing_page = 3;
	CHECK(tt_rings_resize(8 * PAGE_SIZE) == -ENOMEM);
	CHECK(tt_rings_size() == 2 * PAGE_SIZE);
	check_ring(0);
	end();
}

/* A cut is a moment: what comes later is not in it, what was reused is gone. */
static void test_cut_is_a_moment(void)
{
	static _Alignas(PAGE_SIZE) u8 page[PAGE_SIZE];
	struct tt_cut cut;
	u32 i;

	begin(1004, 2);
	for (i = 0; i < 20; i++)
		record();
	tt_ring_cut(0, &cut);
	CHECK(cut.stored == 20 && cut.end == 1);
	for (i = 0; i < 20; i++)
		record();
	CHECK(tt_ring_copy(0, &cut, 0, (struct tt_block *)page) == 0);
	memset(seen, 0, sizeof(seen));
	CHECK(check_block((struct tt_block *)page) == 20);
	for (i = 0; i < 1000; i++)
		record();
	CHECK(tt_ring_copy(0, &cut, 0, (struct tt_block *)page) == -ESTALE);
	end();
}

int main(void)
{
	test_nesting();
	test_wraps_lose_nothing_else();
	test_stop_keeps_the_oldest();
	test_freeze_counts();
	test_moves_lose_no_count();
	test_resize();
	test_cut_is_a_moment();
	printf("ring_host_test: ok\n");
	return 0;
}
