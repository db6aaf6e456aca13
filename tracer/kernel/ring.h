/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Per-CPU rings of blocks. Knows bytes, blocks and losses, but no event. The
 * fast path is tt_claim() and tt_commit() in timetrace/kernel.h.
 */
#ifndef TIMETRACE_RING_H
#define TIMETRACE_RING_H

#include <timetrace/kernel.h>

enum tt_ring_loss {
	TT_RING_NESTED, /* interrupted a block change, or all blocks are held up */
	TT_RING_FROZEN,
	TT_RING_FULL, /* mode stop, or no memory */
	TT_RING_LOSSES
};

enum tt_ring_mode { TT_RING_OVERWRITE, TT_RING_STOP };

/**
 * struct tt_ring - the ring of one CPU
 * @hot: what the fast path uses: tt_rings_hot of the CPU.
 * @blocks: block n is at blocks + (n % nblocks) * 2 * TT_BLOCK_BYTES.
 * @nblocks: a power of two, 0 without memory.
 * @opened: blocks opened so far; the current one is the last.
 * @settled: every block before this one is complete.
 * @first_visible: blocks before it were cleared.
 * @records_cleared: records stored in them.
 * @lost: records lost, by enum tt_ring_loss.
 * @lost_cleared: @lost when the ring was cleared.
 * @nested_ns: time of the last record lost as nested.
 * @busy: the slow path runs; an NMI must not enter it.
 * @area: mapping that holds the blocks; each page appears twice in it.
 * @pages: the pages, nblocks of them.
 * @shared: the page that readers map.
 */
struct tt_ring {
	struct tt_cpu *hot;
	void *blocks;
	u64 nblocks;
	u64 opened;
	u64 settled;
	u64 first_visible;
	u64 records_cleared;
	u64 lost[TT_RING_LOSSES];
	u64 lost_cleared[TT_RING_LOSSES];
	u64 nested_ns;
	bool busy;
	void *area;
	struct page **pages;
	struct tt_ring_page *shared;
} ____cacheline_aligned;

DECLARE_PER_CPU(struct tt_ring, tt_rings);

/* What clients shall claim from. */
extern struct tt_cpu __percpu *tt_rings_hot;

/* Replaces a useless claim of tt_claim(), 0: the record is lost; any context, preemption off. */
unsigned long tt_ring_slow(struct tt_cpu __percpu *cpu, unsigned long claim, u32 bytes,
			   struct tt_time time);

/*
 * Control. May sleep; the caller serializes these with each other and with
 * snapshots. While frozen, records are counted as lost and memory stays as
 * it is.
 */
int tt_rings_init(u64 bytes_per_cpu);
void tt_rings_exit(void);
void tt_rings_freeze(void);
void tt_rings_thaw(void);
bool tt_rings_frozen(void);
void tt_rings_clear(void);
void tt_rings_set_mode(enum tt_ring_mode mode);
enum tt_ring_mode tt_rings_mode(void);

/*
 * Moves tt_rings_hot to @home, NULL: the tracer's own; then @told() lets every
 * client know. When it returns nobody uses what it was before.
 */
void tt_rings_move(struct tt_cpu __percpu *home, void (*told)(void));

/* Clears and replaces the memory. -ENOMEM leaves the old in place. */
int tt_rings_resize(u64 bytes_per_cpu);
u64 tt_rings_size(void);

/* Another number when the rings were cleared or resized: their blocks begin anew. */
u64 tt_rings_generation(void);

/* Gives @cpu memory if it has none; recording on it begins at the next record. */
int tt_ring_prepare_cpu(unsigned int cpu);

/**
 * struct tt_cut - state of one ring at one instant
 * @begin: first block that can be read.
 * @end: one past the last.
 * @whole: blocks before this one are complete: @end, or less when a writer was
 *	kept from finishing by interrupts all the time.
 * @last_bytes: bytes of entries in block @whole - 1.
 * @overwritten: records before @begin; may miss some that were in the making
 *	when @begin was opened.
 * @stored: records before @end.
 * @lost: since the last clear.
 * @nested_ns: see struct tt_ring.
 */
struct tt_cut {
	u64 begin;
	u64 end;
	u64 whole;
	u32 last_bytes;
	u64 overwritten;
	u64 stored;
	u64 lost[TT_RING_LOSSES];
	u64 nested_ns;
};

/* When block @sequence was opened, and how many records are before it; guesses when it is gone. */
u64 tt_ring_block_ticks(unsigned int cpu, u64 sequence);
u64 tt_ring_block_first(unsigned int cpu, u64 sequence);

void tt_ring_cut(unsigned int cpu, struct tt_cut *cut);

/* The same at once: @cut->whole leaves out what is not known to be complete; counts are rough. */
void tt_ring_cut_settled(unsigned int cpu, struct tt_cut *cut);

/*
 * Copies block @sequence of @cpu, which is before @cut->whole, to @to, with the
 * bytes it had then in its commit word, and its records if they are known;
 * time_ns is left to the caller. -ESTALE when it has been overwritten.
 */
int tt_ring_copy(unsigned int cpu, const struct tt_cut *cut, u64 sequence, struct tt_block *to);

#endif /* TIMETRACE_RING_H */
