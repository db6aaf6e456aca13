// SPDX-License-Identifier: GPL-2.0-only
/*
 * Per-CPU rings of blocks.
 *
 * Writers claim bytes by one unlocked add to the cursor of their CPU, fill
 * them, and add what they wrote to the commit word of the block. A writer can
 * only be suspended by an interrupt on its own CPU, so unfinished claims nest
 * like a stack. A block is complete when its commit word accounts for all of
 * it: claims that come too late commit what is left of it as padding.
 *
 * The slow path runs with interrupts off; an NMI that comes upon it loses its
 * record, which is counted. A block is reused only when it is complete, so a
 * suspended writer never finds its claim in someone else's hands, however
 * long the interrupts on top of it take.
 *
 * Readers are on other CPUs, take no part in this, and check afterwards that
 * what they copied was not reused meanwhile (sequence) and was complete
 * (commit).
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

/* Attempts to catch a CPU between two records, 10 to 20 us each. */
#define CUT_ATTEMPTS 200

DEFINE_PER_CPU(struct tt_ring, tt_rings) = {
	.hot = { .cursor = NO_BLOCK, .base = TT_NO_BASE },
};

static u64 ring_bytes;
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

static bool block_complete(const struct tt_block *block)
{
	return TT_COMMIT_BYTES(READ_ONCE(block->commit)) == CONTENT_BYTES;
}

/* Records stored up to the end of @block, which is complete. */
static u64 records_through(const struct tt_block *block)
{
	return block->first_record + TT_COMMIT_RECORDS(block->commit);
}

/* Turns the part of a useless claim that lies in a block into padding. */
static void retire(unsigned long claim, u32 bytes)
{
	unsigned long begin = claim - TT_SLACK;
	u32 left;

	if (!in_block(begin))
		return;
	left = min_t(u32, bytes, TT_BLOCK_BYTES - offset_in_block(begin));
	*(u32 *)begin = left | TT_ID_PAD << TT_TIME_BITS;
	tt_commit(begin, left, 0);
}

/* Closes the current block. Runs on the CPU of @ring, or when that is offline. */
static void park(struct tt_ring *ring)
{
	retire(xchg(&ring->hot.cursor, NO_BLOCK), TT_BLOCK_BYTES);
}

/* Advances @settled. Returns true when no writer below us is unfinished. */
static bool settle(struct tt_ring *ring)
{
	struct tt_block *block;

	while (ring->settled < ring->opened) {
		block = block_at(ring, ring->settled);
		if (!block_complete(block))
			break;
		if (ring->settled + 1 < ring->opened)
			block_at(ring, ring->settled + 1)->first_record = records_through(block);
		smp_wmb(); /* pairs with try_cut() */
		WRITE_ONCE(ring->settled, ring->settled + 1);
	}
	if (ring->settled == ring->opened)
		return true;
	if (ring->settled + 1 < ring->opened)
		return false;
	return TT_COMMIT_BYTES(block_at(ring, ring->settled)->commit) ==
	       claimed(READ_ONCE(ring->hot.cursor));
}

static void lose(enum tt_ring_loss reason)
{
	this_cpu_inc(tt_rings.lost[reason]);
}

/* The current block is closed; opens the next. Interrupts are off. */
static bool open_block(struct tt_ring *ring)
{
	u64 next = ring->opened;
	u64 records = 0;
	struct tt_block *block;

	settle(ring);
	if (!ring->nblocks ||
	    (ring_mode == TT_RING_STOP && next - ring->first_visible >= ring->nblocks)) {
		lose(TT_RING_FULL);
		return false;
	}
	if (next >= ring->nblocks && next - ring->nblocks >= ring->settled) {
		WRITE_ONCE(ring->nested_ns, ktime_get_mono_fast_ns());
		lose(TT_RING_NESTED);
		return false;
	}
	if (next && ring->settled == next)
		records = records_through(block_at(ring, next - 1));

	block = block_at(ring, next);
	WRITE_ONCE(block->sequence, NO_SEQUENCE);
	smp_wmb(); /* pairs with tt_ring_copy(): content changes after the mark */
	block->magic = TT_BLOCK_MAGIC;
	block->header_bytes = HEADER_BYTES;
	block->cpu = smp_processor_id();
	tt_clock_pair(&block->time_ticks, &block->time_ns);
	block->first_record = records;
	WRITE_ONCE(block->commit, 0);
	block->lost_nested = ring->lost[TT_RING_NESTED];
	block->lost_frozen = ring->lost[TT_RING_FROZEN];
	block->lost_full = ring->lost[TT_RING_FULL];
	smp_wmb(); /* the mark goes when the header is right */
	WRITE_ONCE(block->sequence, next);
	WRITE_ONCE(ring->opened, next + 1);
	/* Claims of NMIs since the old block was closed were refused, so this loses none. */
	WRITE_ONCE(ring->hot.cursor, (unsigned long)block + HEADER_BYTES + TT_SLACK);
	return true;
}

static struct tt_slot claim_slowly(struct tt_ring *ring, u32 bytes)
{
	u64 base = ring->hot.base;
	u64 now = tt_clock_ticks();
	u32 extend = now - base > TT_TIME_MASK ? TT_EXTEND_BYTES : 0;
	unsigned long claim;
	bool alone;

	/* From here on NMIs cannot claim in the belief that they know the base. */
	WRITE_ONCE(ring->hot.base, TT_NO_BASE);
	barrier();
	alone = settle(ring);

	for (;;) {
		claim = this_cpu_add_return(tt_rings.hot.cursor, extend + bytes) - extend - bytes;
		if (in_block(claim) && in_block(claim + extend))
			break;
		retire(claim, extend + bytes);
		park(ring);
		if (!open_block(ring))
			return (struct tt_slot){};
		base = block_at(ring, ring->opened - 1)->time_ticks;
		now = base;
		extend = 0;
	}
	if (extend) {
		u32 *word = (u32 *)(claim - TT_SLACK);

		*word = TT_ID_EXTEND << TT_TIME_BITS;
		memcpy(word + 1, &now, sizeof(now));
		tt_commit((unsigned long)word, extend, 0);
		claim += extend;
		base = now;
	}
	barrier();
	/*
	 * A suspended writer may have claimed under the old base and not yet
	 * compared; it must not find its time near the base here.
	 */
	WRITE_ONCE(ring->hot.base, alone ? base : TT_NO_BASE);
	return (struct tt_slot){ claim, now - base };
}

struct tt_slot tt_ring_slow(unsigned long claim, u32 bytes)
{
	struct tt_ring *ring = this_cpu_ptr(&tt_rings);
	struct tt_slot slot = {};
	unsigned long flags;

	retire(claim, bytes);
	raw_local_irq_save(flags);
	if (ring->busy) {
		/* Many void claims in one NMI must not carry the cursor into a block. */
		if (!in_block(claim - TT_SLACK))
			this_cpu_sub(tt_rings.hot.cursor, bytes);
		WRITE_ONCE(ring->nested_ns, ktime_get_mono_fast_ns());
		lose(TT_RING_NESTED);
	} else {
		ring->busy = true;
		barrier();
		if (READ_ONCE(frozen)) {
			lose(TT_RING_FROZEN);
			park(ring);
		} else {
			slot = claim_slowly(ring, bytes);
		}
		barrier();
		ring->busy = false;
	}
	raw_local_irq_restore(flags);
	return slot;
}

static void park_this_cpu(void *unused)
{
	park(this_cpu_ptr(&tt_rings));
}

/*
 * After this every writer is finished, and new ones do not touch any block.
 * The caller holds the CPU hotplug lock.
 */
static void quiesce(void)
{
	unsigned int cpu;

	WRITE_ONCE(frozen, true);
	on_each_cpu(park_this_cpu, NULL, 1);
	for_each_possible_cpu(cpu)
		if (!cpu_online(cpu))
			park(per_cpu_ptr(&tt_rings, cpu));
	synchronize_rcu(); /* recording runs with preemption off */
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
	settle(ring);
	ring->records_cleared = ring->opened ? records_through(block_at(ring, ring->opened - 1)) : 0;
	WRITE_ONCE(ring->first_visible, ring->opened);
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
	swap(ring->blocks, from->blocks);
	swap(ring->nblocks, from->nblocks);
	ring->opened = 0;
	ring->settled = 0;
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
	unsigned long cursor = READ_ONCE(ring->hot.cursor);
	const struct tt_block *block;
	u64 settled, k;
	bool whole = true;
	int i;

	smp_rmb();
	cut->end = opened;
	cut->begin = READ_ONCE(ring->first_visible);
	if (opened > cut->begin + ring->nblocks)
		cut->begin = opened - ring->nblocks;
	cut->overwritten = 0;
	cut->stored = 0;
	if (cut->begin < opened) {
		settled = READ_ONCE(ring->settled);
		k = min(settled, opened - 1);
		smp_rmb(); /* first_record is final before settled says so */
		cut->stored = READ_ONCE(block_at(ring, k)->first_record);
		for (; k < opened; k++) {
			block = block_at(ring, k);
			cut->last_commit = READ_ONCE(block->commit);
			cut->stored += TT_COMMIT_RECORDS(cut->last_commit);
		}
		whole = TT_COMMIT_BYTES(cut->last_commit) == claimed(cursor);
		/* Nothing is before first_visible; block begin - 1 is settled otherwise. */
		cut->overwritten = READ_ONCE(block_at(ring, cut->begin)->first_record) -
				   ring->records_cleared;
		cut->stored -= ring->records_cleared;
	}
	for (i = 0; i < TT_RING_LOSSES; i++)
		cut->lost[i] = READ_ONCE(ring->lost[i]) - ring->lost_cleared[i];
	cut->nested_ns = READ_ONCE(ring->nested_ns);
	smp_rmb();
	cut->last_partial = !whole;
	return whole && cursor == READ_ONCE(ring->hot.cursor) &&
	       opened == READ_ONCE(ring->opened) &&
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

int tt_ring_copy(unsigned int cpu, const struct tt_cut *cut, u64 sequence, struct tt_block *to)
{
	const struct tt_ring *ring = per_cpu_ptr(&tt_rings, cpu);
	const struct tt_block *block = block_at(ring, sequence);
	bool last = sequence + 1 == cut->end;
	u64 commit;

	if (READ_ONCE(block->sequence) != sequence)
		return -ESTALE;
	smp_rmb();
	commit = last ? cut->last_commit : READ_ONCE(block->commit);
	smp_rmb(); /* pairs with tt_commit(): what is counted is there */
	memcpy(to, block, TT_BLOCK_BYTES);
	smp_rmb(); /* pairs with open_block() */
	if (READ_ONCE(block->sequence) != sequence)
		return -ESTALE;
	to->commit = commit;
	to->first_record -= ring->records_cleared;
	to->lost_nested -= ring->lost_cleared[TT_RING_NESTED];
	to->lost_frozen -= ring->lost_cleared[TT_RING_FROZEN];
	to->lost_full -= ring->lost_cleared[TT_RING_FULL];
	if (last ? cut->last_partial : TT_COMMIT_BYTES(commit) != CONTENT_BYTES)
		return -EBUSY;
	return 0;
}
