// SPDX-License-Identifier: GPL-2.0-only
/*
 * Per-CPU rings of blocks.
 *
 * Writers claim bytes by one unlocked add to the cursor of their CPU, fill
 * them, and add what they wrote to the commit word of their CPU. A writer can
 * only be suspended by an interrupt on its own CPU, so unfinished claims nest
 * like a stack. All claims are finished when the commit word accounts for all
 * bytes up to the cursor: claims that come too late commit what is left of
 * their block as padding.
 *
 * The slow path runs with interrupts off; an NMI that comes upon it loses its
 * record, which is counted. A block is reused only when no claim in it can be
 * unfinished, so a suspended writer never finds its claim in someone else's
 * hands, however long the interrupts on top of it take.
 *
 * Readers are on other CPUs, take no part in this, and check afterwards that
 * what they copied was not reused meanwhile (sequence).
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include "clock.h"
#include "ring.h"

#define HEADER_BYTES ((u32)sizeof(struct tt_block))
#define CONTENT_BYTES ((u32)TT_BLOCK_BYTES - HEADER_BYTES)
#define NO_BLOCK (TT_BLOCK_BYTES + TT_SLACK) /* cursor at which every claim is too late */
#define NO_SEQUENCE (~0ull)

/* Commit word of a block in a ring: first_record misses none that was in the making. */
#define FIRST_RECORD_EXACT 1

/* Attempts to catch a CPU between two records, 10 to 20 us each. */
#define CUT_ATTEMPTS 200

DEFINE_PER_CPU(struct tt_ring, tt_rings);

static DEFINE_PER_CPU_ALIGNED(struct tt_cpu, own_hot);
struct tt_cpu __percpu *tt_rings_hot = &own_hot;

static u64 ring_bytes;
static u64 generation;
static bool frozen;
static enum tt_ring_mode ring_mode;

static struct tt_block *block_at(const struct tt_ring *ring, u64 sequence)
{
	return ring->blocks + (sequence & (ring->nblocks - 1)) * 2 * TT_BLOCK_BYTES;
}

static u32 offset_in_block(unsigned long address)
{
	return address & (TT_BLOCK_BYTES - 1);
}

static bool in_block(unsigned long address)
{
	return !(address & TT_BLOCK_BYTES);
}

/* Bytes of entries that were claimed of the block in which @cursor is. */
static u32 claimed(unsigned long cursor)
{
	unsigned long end = cursor - TT_SLACK;

	return in_block(end) ? offset_in_block(end) - HEADER_BYTES : CONTENT_BYTES;
}

/* Bytes of entries that were claimed of all blocks. */
static u64 position(u64 opened, unsigned long cursor)
{
	return opened ? (opened - 1) * CONTENT_BYTES + claimed(cursor) : 0;
}

/* Whether every claim up to @position is finished; those that are not are less than 64 KiB. */
static bool all_committed(u64 commit, u64 position)
{
	return !TT_COMMIT_BYTES(commit - position);
}

/* Records committed; those that are not yet may be bytes of @position. */
static u64 records_in(u64 commit, u64 position)
{
	return (commit - position + TT_COMMIT_RECORD - 1) / TT_COMMIT_RECORD;
}

static u64 ring_position(const struct tt_ring *ring)
{
	return position(ring->opened, READ_ONCE(ring->hot->cursor));
}

/* Records stored since the ring has its memory; exact when all claims are finished. */
static u64 ring_records(const struct tt_ring *ring)
{
	u64 at = ring_position(ring);

	return records_in(READ_ONCE(ring->hot->commit), at);
}

/* Turns the part of a useless claim that lies in a block into padding; commits it by @add. */
#define RETIRE(claim, bytes, add)						\
do {										\
	unsigned long _begin = (claim) - TT_SLACK;				\
	u32 _left = min_t(u32, bytes, TT_BLOCK_BYTES - offset_in_block(_begin)); \
										\
	if (in_block(_begin)) {							\
		pad(_begin, _left);						\
		smp_wmb(); /* the padding is there when the commit counts it */	\
		add;								\
	}									\
} while (0)

static void pad(unsigned long begin, u32 bytes)
{
	struct tt_record_head *head = (void *)begin;

	if (bytes >= sizeof(*head))
		*head = (struct tt_record_head){ .time = bytes, .id = TT_ID_PAD };
	else
		memset(head, 0, bytes);
}

static void retire(unsigned long claim, u32 bytes)
{
	RETIRE(claim, bytes, this_cpu_add(tt_rings_hot->commit, _left));
}

/* Closes the current block of this CPU. */
static void park(void)
{
	retire(this_cpu_xchg(tt_rings_hot->cursor, NO_BLOCK), TT_BLOCK_BYTES);
}

/* Closes the current block of a CPU that is offline. */
static void park_offline(struct tt_ring *ring)
{
	unsigned long cursor = ring->hot->cursor;

	ring->hot->cursor = NO_BLOCK;
	RETIRE(cursor, TT_BLOCK_BYTES, ring->hot->commit += _left);
}

static void lose(enum tt_ring_loss reason)
{
	this_cpu_inc(tt_rings.lost[reason]);
}

static void lose_nested(struct tt_ring *ring)
{
	WRITE_ONCE(ring->nested_ns, ktime_get_mono_fast_ns());
	lose(TT_RING_NESTED);
}

/* The current block is closed; opens the next. Interrupts are off. */
static bool open_block(struct tt_ring *ring)
{
	u64 next = ring->opened;
	bool exact = all_committed(READ_ONCE(ring->hot->commit), next * CONTENT_BYTES);
	struct tt_block *block;

	if (exact)
		WRITE_ONCE(ring->settled, next);
	if (!ring->nblocks ||
	    (ring_mode == TT_RING_STOP && next - ring->first_visible >= ring->nblocks)) {
		lose(TT_RING_FULL);
		return false;
	}
	if (next >= ring->nblocks && next - ring->nblocks >= ring->settled) {
		lose_nested(ring);
		return false;
	}

	WRITE_ONCE(ring->shared->settled, ring->settled);
	block = block_at(ring, next);
	WRITE_ONCE(block->sequence, NO_SEQUENCE);
	smp_wmb(); /* pairs with tt_ring_copy(): content changes after the mark */
	block->magic = TT_BLOCK_MAGIC;
	block->header_bytes = HEADER_BYTES;
	block->cpu = smp_processor_id();
	block->time_ticks = tt_clock_now();
	block->first_record = records_in(ring->hot->commit, next * CONTENT_BYTES);
	block->commit = exact ? FIRST_RECORD_EXACT : 0;
	block->lost_nested = ring->lost[TT_RING_NESTED];
	block->lost_frozen = ring->lost[TT_RING_FROZEN];
	block->lost_full = ring->lost[TT_RING_FULL];
	smp_wmb(); /* the mark goes when the header is right */
	WRITE_ONCE(block->sequence, next);
	WRITE_ONCE(ring->opened, next + 1);
	WRITE_ONCE(ring->shared->opened, next + 1);
	/* Claims of NMIs since the old block was closed were refused, so this loses none. */
	WRITE_ONCE(ring->hot->cursor, (unsigned long)block + HEADER_BYTES + TT_SLACK);
	return true;
}

static unsigned long claim_slowly(struct tt_ring *ring, u32 bytes, struct tt_time time)
{
	bool alone = all_committed(READ_ONCE(ring->hot->commit), ring_position(ring));
	u32 epoch = ring->hot->epoch;
	unsigned long claim;
	u32 extend;

	/* From here on NMIs cannot claim in the belief that they know the epoch. */
	WRITE_ONCE(ring->hot->epoch, TT_NO_EPOCH);
	barrier();
	for (;;) {
		if (in_block(READ_ONCE(ring->hot->cursor))) {
			extend = epoch == time.high ? 0 : TT_EXTEND_BYTES;
			claim = this_cpu_add_return(tt_rings_hot->cursor, extend + bytes) -
				extend - bytes;
			if (in_block(claim) && in_block(claim + extend))
				break;
			retire(claim, extend + bytes);
		}
		park();
		if (!open_block(ring))
			return 0;
		epoch = block_at(ring, ring->opened - 1)->time_ticks >> 32;
	}
	if (extend) {
		struct tt_record_head *head = (void *)(claim - TT_SLACK);

		*head = (struct tt_record_head){ .time = time.low, .id = TT_ID_EXTEND };
		memcpy(head + 1, &time.high, sizeof(time.high));
		tt_commit(tt_rings_hot, extend, 0);
		claim += extend;
	}
	barrier();
	/*
	 * A suspended writer may have claimed under the old epoch and not yet
	 * compared; it must not find its own here.
	 */
	WRITE_ONCE(ring->hot->epoch, alone ? time.high : TT_NO_EPOCH);
	return claim;
}

unsigned long tt_ring_slow(struct tt_cpu __percpu *cpu, unsigned long claim, u32 bytes,
			   struct tt_time time)
{
	struct tt_ring *ring = this_cpu_ptr(&tt_rings);
	bool outside = !in_block(claim - TT_SLACK);
	unsigned long flags;

	if (unlikely(cpu != READ_ONCE(tt_rings_hot))) {
		/* It moves, and all are frozen. */
		this_cpu_write(cpu->cursor, NO_BLOCK);
		lose(TT_RING_FROZEN);
		return 0;
	}
	retire(claim, bytes);
	claim = 0;
	raw_local_irq_save(flags);
	if (ring->busy) {
		/* Many void claims in one NMI must not carry the cursor into a block. */
		if (outside)
			this_cpu_sub(cpu->cursor, bytes);
		lose_nested(ring);
	} else {
		ring->busy = true;
		barrier();
		if (READ_ONCE(frozen)) {
			lose(TT_RING_FROZEN);
			park();
		} else {
			claim = claim_slowly(ring, bytes, time);
		}
		barrier();
		ring->busy = false;
	}
	raw_local_irq_restore(flags);
	return claim;
}

static void park_this_cpu(void *unused)
{
	park();
}

/*
 * After this every writer is finished, and new ones do not touch any block.
 * The caller holds the CPU hotplug lock.
 */
static void quiesce(void)
{
	struct tt_ring *ring;
	unsigned int cpu;

	WRITE_ONCE(frozen, true);
	on_each_cpu(park_this_cpu, NULL, 1);
	for_each_possible_cpu(cpu)
		if (!cpu_online(cpu))
			park_offline(per_cpu_ptr(&tt_rings, cpu));
	synchronize_rcu(); /* recording runs with preemption off */
	/* So every block is complete, also one that was not when the next was opened upon it. */
	for_each_possible_cpu(cpu) {
		ring = per_cpu_ptr(&tt_rings, cpu);
		WRITE_ONCE(ring->settled, ring->opened);
		if (ring->shared)
			WRITE_ONCE(ring->shared->settled, ring->settled);
	}
}

void tt_rings_freeze(void)
{
	cpus_read_lock();
	quiesce();
	cpus_read_unlock();
}

void tt_rings_thaw(void)
{
	WRITE_ONCE(frozen, false);
}

bool tt_rings_frozen(void)
{
	return READ_ONCE(frozen);
}

/* Forgets the content of a quiet ring; what it counts goes on from here. */
static void clear_ring(struct tt_ring *ring)
{
	ring->records_cleared = ring_records(ring);
	WRITE_ONCE(ring->first_visible, ring->opened);
	if (ring->shared)
		WRITE_ONCE(ring->shared->first_visible, ring->opened);
	memcpy(ring->lost_cleared, ring->lost, sizeof(ring->lost));
}

void tt_rings_clear(void)
{
	bool was_frozen = tt_rings_frozen();
	unsigned int cpu;

	cpus_read_lock();
	quiesce();
	for_each_possible_cpu(cpu)
		clear_ring(per_cpu_ptr(&tt_rings, cpu));
	generation++;
	WRITE_ONCE(frozen, was_frozen);
	cpus_read_unlock();
}

/* A quiet ring goes on at @hot. */
static void settle(struct tt_ring *ring, struct tt_cpu *hot)
{
	*hot = (struct tt_cpu){ .cursor = NO_BLOCK, .epoch = TT_NO_EPOCH,
				.commit = ring->hot ? ring->hot->commit : 0 };
	ring->hot = hot;
}

void tt_rings_move(struct tt_cpu __percpu *home, void (*told)(void))
{
	struct tt_cpu __percpu *to = home ?: &own_hot;
	bool was_frozen = tt_rings_frozen();
	unsigned int cpu;

	cpus_read_lock();
	quiesce();
	for_each_possible_cpu(cpu)
		settle(per_cpu_ptr(&tt_rings, cpu), per_cpu_ptr(to, cpu));
	WRITE_ONCE(tt_rings_hot, to);
	told();
	synchronize_rcu(); /* recording runs with preemption off */
	WRITE_ONCE(frozen, was_frozen);
	cpus_read_unlock();
}

void tt_rings_set_mode(enum tt_ring_mode mode)
{
	WRITE_ONCE(ring_mode, mode);
}

enum tt_ring_mode tt_rings_mode(void)
{
	return READ_ONCE(ring_mode);
}

u64 tt_rings_generation(void)
{
	return generation;
}

u64 tt_rings_size(void)
{
	return ring_bytes;
}

static void free_memory(struct tt_ring *ring)
{
	u64 i;

	if (ring->area)
		vunmap(ring->area);
	for (i = 0; ring->pages && i < ring->nblocks; i++)
		if (ring->pages[2 * i])
			__free_page(ring->pages[2 * i]);
	kvfree(ring->pages);
	/* Readers may have all of it mapped; it goes when they do. */
	if (ring->shared)
		WRITE_ONCE(ring->shared->gone, 1);
	free_page((unsigned long)ring->shared);
	ring->shared = NULL;
	ring->area = NULL;
	ring->blocks = NULL;
	ring->pages = NULL;
	ring->nblocks = 0;
}

/*
 * Blocks must lie at every other page address, which vmap() cannot be asked
 * for. Each page is mapped twice in a row, so one of the two is right.
 */
static int alloc_memory(struct tt_ring *ring, unsigned int cpu, u64 bytes)
{
	u64 n = bytes / TT_BLOCK_BYTES;
	struct page *page;
	u64 i;

	ring->pages = kvcalloc(2 * n, sizeof(*ring->pages), GFP_KERNEL | __GFP_NOWARN);
	if (!ring->pages)
		return -ENOMEM;
	ring->nblocks = n;
	ring->shared = (void *)get_zeroed_page(GFP_KERNEL | __GFP_NOWARN);
	if (!ring->shared)
		goto err;
	*ring->shared = (struct tt_ring_page){ .magic = TT_RING_MAGIC, .cpu = cpu,
					       .block_bytes = TT_BLOCK_BYTES, .nblocks = n };
	for (i = 0; i < n; i++) {
		page = alloc_pages_node(cpu_to_node(cpu),
					GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, 0);
		if (!page)
			goto err;
		ring->pages[2 * i] = page;
		ring->pages[2 * i + 1] = page;
	}
	ring->area = vmap(ring->pages, 2 * n, VM_MAP, PAGE_KERNEL);
	if (!ring->area)
		goto err;
	ring->blocks = ring->area;
	if (!in_block((unsigned long)ring->blocks))
		ring->blocks += TT_BLOCK_BYTES;
	return 0;
err:
	free_memory(ring);
	return -ENOMEM;
}

/* Exchanges the memory of two quiet rings and starts @ring from nothing. */
static void take_memory(struct tt_ring *ring, struct tt_ring *from)
{
	swap(ring->area, from->area);
	swap(ring->pages, from->pages);
	swap(ring->shared, from->shared);
	swap(ring->blocks, from->blocks);
	swap(ring->nblocks, from->nblocks);
	ring->opened = 0;
	ring->settled = 0;
	ring->hot->commit = 0;
	clear_ring(ring);
}

int tt_rings_resize(u64 bytes)
{
	bool was_frozen = tt_rings_frozen();
	struct tt_ring *fresh;
	unsigned int cpu;
	int err = 0;

	if (bytes < TT_BLOCK_BYTES || bytes > SZ_1G || !is_power_of_2(bytes))
		return -EINVAL;
	fresh = kvcalloc(nr_cpu_ids, sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		err = alloc_memory(&fresh[cpu], cpu, bytes);
		if (err)
			break;
	}
	if (!err) {
		quiesce();
		for_each_possible_cpu(cpu)
			take_memory(per_cpu_ptr(&tt_rings, cpu), &fresh[cpu]);
		ring_bytes = bytes;
		generation++;
		WRITE_ONCE(frozen, was_frozen);
	}
	cpus_read_unlock();
	for_each_possible_cpu(cpu)
		free_memory(&fresh[cpu]);
	kvfree(fresh);
	return err;
}

int tt_ring_prepare_cpu(unsigned int cpu)
{
	struct tt_ring *ring = per_cpu_ptr(&tt_rings, cpu);
	struct tt_ring fresh = {};
	int err;

	if (ring->nblocks)
		return 0;
	err = alloc_memory(&fresh, cpu, ring_bytes);
	if (!err)
		take_memory(ring, &fresh);
	return err;
}

int tt_rings_init(u64 bytes)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		settle(per_cpu_ptr(&tt_rings, cpu), per_cpu_ptr(&own_hot, cpu));
	return tt_rings_resize(bytes);
}

/* Every client is gone. */
void tt_rings_exit(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		free_memory(per_cpu_ptr(&tt_rings, cpu));
}

/* One attempt; true when it caught the CPU between two records. */
static bool try_cut(const struct tt_ring *ring, struct tt_cut *cut)
{
	u64 opened = READ_ONCE(ring->opened);
	unsigned long cursor = READ_ONCE(ring->hot->cursor);
	u64 at = position(opened, cursor);
	u64 commit, settled;
	int i;

	smp_rmb(); /* pairs with tt_commit(): what is counted is there */
	commit = READ_ONCE(ring->hot->commit);
	settled = READ_ONCE(ring->settled);
	cut->end = opened;
	cut->begin = READ_ONCE(ring->first_visible);
	if (opened > cut->begin + ring->nblocks)
		cut->begin = opened - ring->nblocks;
	cut->stored = records_in(commit, at) - ring->records_cleared;
	/* Nothing is before first_visible, not even what a parked block was to say. */
	cut->overwritten = cut->begin < opened && cut->begin > ring->first_visible ?
		READ_ONCE(block_at(ring, cut->begin)->first_record) - ring->records_cleared : 0;
	for (i = 0; i < TT_RING_LOSSES; i++)
		cut->lost[i] = READ_ONCE(ring->lost[i]) - ring->lost_cleared[i];
	cut->nested_ns = READ_ONCE(ring->nested_ns);
	smp_rmb(); /* all of it before the places are looked at again */
	if (all_committed(commit, at)) {
		cut->whole = opened;
		cut->last_bytes = opened ? claimed(cursor) : 0;
	} else {
		cut->whole = clamp(settled, cut->begin, opened);
		cut->last_bytes = CONTENT_BYTES;
	}
	return cut->whole == opened && cursor == READ_ONCE(ring->hot->cursor) &&
	       commit == READ_ONCE(ring->hot->commit) && opened == READ_ONCE(ring->opened) &&
	       (cut->begin == opened ||
		READ_ONCE(block_at(ring, cut->begin)->sequence) == cut->begin);
}

void tt_ring_cut(unsigned int cpu, struct tt_cut *cut)
{
	const struct tt_ring *ring = per_cpu_ptr(&tt_rings, cpu);
	int i;

	memset(cut, 0, sizeof(*cut));
	if (!ring->nblocks)
		return;
	for (i = 0; i < CUT_ATTEMPTS && !try_cut(ring, cut); i++)
		usleep_range(10, 20);
}

void tt_ring_cut_settled(unsigned int cpu, struct tt_cut *cut)
{
	const struct tt_ring *ring = per_cpu_ptr(&tt_rings, cpu);

	if (try_cut(ring, cut))
		return;
	cut->whole = clamp(READ_ONCE(ring->settled), cut->begin, cut->end);
	cut->last_bytes = CONTENT_BYTES;
}

/* Records of a full block that was copied, 0: not known. */
static u32 full_records(const struct tt_ring *ring, const struct tt_block *copy)
{
	const struct tt_block *next = block_at(ring, copy->sequence + 1);
	u64 records = 0;

	if (copy->commit != FIRST_RECORD_EXACT ||
	    READ_ONCE(next->sequence) != copy->sequence + 1)
		return 0;
	smp_rmb(); /* pairs with open_block(): the header is of this sequence */
	if (READ_ONCE(next->commit) == FIRST_RECORD_EXACT)
		records = READ_ONCE(next->first_record) - copy->first_record;
	smp_rmb(); /* pairs with open_block() */
	return READ_ONCE(next->sequence) == copy->sequence + 1 ? records : 0;
}

int tt_ring_copy(unsigned int cpu, const struct tt_cut *cut, u64 sequence, struct tt_block *to)
{
	const struct tt_ring *ring = per_cpu_ptr(&tt_rings, cpu);
	const struct tt_block *block = block_at(ring, sequence);

	if (READ_ONCE(block->sequence) != sequence)
		return -ESTALE;
	smp_rmb(); /* pairs with open_block(): the header is of this sequence */
	memcpy(to, block, TT_BLOCK_BYTES);
	smp_rmb(); /* pairs with open_block() */
	if (READ_ONCE(block->sequence) != sequence)
		return -ESTALE;
	to->commit = sequence + 1 == cut->whole ? cut->last_bytes :
		     CONTENT_BYTES + full_records(ring, to) * TT_COMMIT_RECORD;
	to->first_record -= ring->records_cleared;
	to->lost_nested -= ring->lost_cleared[TT_RING_NESTED];
	to->lost_frozen -= ring->lost_cleared[TT_RING_FROZEN];
	to->lost_full -= ring->lost_cleared[TT_RING_FULL];
	return 0;
}

u64 tt_ring_block_ticks(unsigned int cpu, u64 sequence)
{
	return READ_ONCE(block_at(per_cpu_ptr(&tt_rings, cpu), sequence)->time_ticks);
}

u64 tt_ring_block_first(unsigned int cpu, u64 sequence)
{
	const struct tt_ring *ring = per_cpu_ptr(&tt_rings, cpu);

	return READ_ONCE(block_at(ring, sequence)->first_record) - ring->records_cleared;
}
