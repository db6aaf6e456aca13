// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking a snapshot: cut every ring, which takes microseconds, then copy up
 * to the cuts. Writers go on meanwhile; blocks they reuse before they were
 * copied are counted as lost to the reader.
 */
#include <linux/cpu.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>

#include "app.h"
#include "clock.h"
#include "events.h"
#include "hist.h"
#include "snapshot.h"
#include "trigger.h"
#include "walk.h"

u64 tt_record_cost_ns;

static u32 count_records(const struct tt_block *block)
{
	struct tt_walk walk;
	u32 records = 0;

	tt_walk_begin(&walk, block);
	while (tt_walk_next(&walk))
		records++;
	return records;
}

int tt_snapshot_block(unsigned int cpu, const struct tt_cut *cut, u64 sequence,
		      struct tt_block *to)
{
	int err = tt_ring_copy(cpu, cut, sequence, to);

	if (err)
		return err;
	to->time_ns = tt_clock_ns_at(to->time_ticks);
	if (!TT_COMMIT_RECORDS(to->commit))
		to->commit += count_records(to) * TT_COMMIT_RECORD;
	return 0;
}

/* Copies one ring behind the blocks already there and fills its account. */
static void copy_ring(struct tt_snapshot *snap, unsigned int cpu, const struct tt_cut *cut,
		      struct tt_cpu_account *account)
{
	struct tt_block *first = snap->blocks + snap->header.blocks * TT_BLOCK_BYTES;
	struct tt_block *to = first;
	u64 copied = 0;
	u64 expected; /* first record of the next block */
	u64 k;

	for (k = cut->begin; k < cut->whole; k++) {
		if (tt_snapshot_block(cpu, cut, k, to))
			continue;
		copied += TT_COMMIT_RECORDS(to->commit);
		to = (void *)to + TT_BLOCK_BYTES;
	}

	account->magic = TT_ACCOUNT_MAGIC;
	account->cpu = cpu;
	account->blocks = ((void *)to - (void *)first) / TT_BLOCK_BYTES;
	snap->header.blocks += account->blocks;
	/* Without a gap the rest was overwritten before, which is exact. */
	account->overwritten = cut->stored - copied;
	if (account->blocks < cut->end - cut->begin)
		account->overwritten = min(account->overwritten, cut->overwritten);
	account->lost_reader = cut->stored - copied - account->overwritten;
	account->lost_frozen = cut->lost[TT_RING_FROZEN];
	account->lost_nested = cut->lost[TT_RING_NESTED];
	account->lost_full = cut->lost[TT_RING_FULL];
	account->nested_ns = cut->nested_ns;
	account->produced = cut->stored + account->lost_frozen + account->lost_nested +
			    account->lost_full;

	/* What blocks say of themselves may miss records in the making. */
	expected = account->overwritten;
	for (k = 0, to = first; k < account->blocks; k++, to = (void *)to + TT_BLOCK_BYTES) {
		if (!account->lost_reader || to->first_record < expected)
			to->first_record = expected;
		expected = to->first_record + TT_COMMIT_RECORDS(to->commit);
	}
}

static void fill_header(struct tt_file_header *header)
{
	memcpy(header->magic, TT_FILE_MAGIC, sizeof(header->magic));
	header->version = TT_FORMAT_VERSION;
	header->header_bytes = sizeof(*header);
	header->block_bytes = TT_BLOCK_BYTES;
	tt_clock_moment(&header->time_ticks, &header->time_ns);
	tt_clock_begin(&header->begin_ticks, &header->begin_ns);
	header->realtime_ns = ktime_get_real_ns();
	header->record_cost_ns = tt_record_cost_ns;
	header->flags = (tt_rings_frozen() ? TT_FILE_FROZEN : 0) |
			(tt_rings_mode() == TT_RING_STOP ? TT_FILE_STOP : 0);
	header->id_bits = 8 * sizeof_field(struct tt_record_head, id);
	header->first_thread = nr_cpu_ids;
	header->capture = tt_rings_frozen() ? tt_trigger_frozen_for() : 0;
	strscpy(header->clock, "monotonic", sizeof(header->clock));
	strscpy(header->release, init_uts_ns.name.release, sizeof(header->release));
	strscpy(header->host, init_uts_ns.name.nodename, sizeof(header->host));
}

/* Blocks that a ring may open between being measured and being cut. */
#define SPARE_BLOCKS 16

/* Cuts a ring and leaves out what was full before @from, in ticks, and more than @most blocks. */
static void cut_since(unsigned int cpu, struct tt_cut *cut, u64 from, u64 most)
{
	u64 begin;

	tt_ring_cut(cpu, cut);
	begin = cut->begin;
	while (begin + 1 < cut->whole && (tt_ring_block_ticks(cpu, begin + 1) <= from ||
					  cut->end - begin > most))
		begin++;
	if (begin == cut->begin)
		return;
	cut->begin = begin;
	cut->overwritten = tt_ring_block_first(cpu, begin);
}

static int take(struct tt_snapshot *snap, u64 from)
{
	struct tt_file_header *header = &snap->header;
	struct tt_cut *cuts;
	u64 *room; /* for blocks of each CPU */
	struct tt_app_ring *ring;
	unsigned int cpu, i;
	u32 rings;
	u64 blocks;

	rings = tt_app_count(&blocks);
	snap->dictionary = tt_events_encode(&header->dictionary_bytes, &header->events,
					    &header->dictionary_hash);
	snap->accounts = kvcalloc(nr_cpu_ids + rings, sizeof(*snap->accounts), GFP_KERNEL);
	cuts = kvcalloc(nr_cpu_ids, sizeof(*cuts), GFP_KERNEL);
	room = kvcalloc(nr_cpu_ids, sizeof(*room), GFP_KERNEL);
	if (!snap->dictionary || !snap->accounts || !cuts || !room)
		goto err;
	/* All that may be needed, so that nothing comes between cut and copy. */
	for_each_possible_cpu(cpu) {
		cut_since(cpu, &cuts[cpu], from, U64_MAX);
		room[cpu] = min(cuts[cpu].end - cuts[cpu].begin + SPARE_BLOCKS,
				per_cpu_ptr(&tt_rings, cpu)->nblocks);
		blocks += room[cpu];
	}
	snap->blocks = __vmalloc(blocks * TT_BLOCK_BYTES, GFP_KERNEL | __GFP_NOWARN);
	if (!snap->blocks)
		goto err;

	fill_header(header);
	for_each_possible_cpu(cpu)
		cut_since(cpu, &cuts[cpu], from, room[cpu]);
	i = 0;
	for_each_possible_cpu(cpu)
		if (per_cpu_ptr(&tt_rings, cpu)->nblocks)
			copy_ring(snap, cpu, &cuts[cpu], &snap->accounts[i++]);
	list_for_each_entry(ring, &tt_app_rings, entry) {
		tt_app_copy(ring, from, snap->blocks + header->blocks * TT_BLOCK_BYTES,
			    &snap->accounts[i]);
		header->blocks += snap->accounts[i++].blocks;
	}
	header->cpus = i;
	snap->histograms = tt_hist_copy(&header->histograms);

	memcpy(snap->end.magic, TT_END_MAGIC, sizeof(snap->end.magic));
	snap->end.file_bytes = sizeof(*header) + header->dictionary_bytes +
			       header->blocks * TT_BLOCK_BYTES +
			       header->cpus * sizeof(*snap->accounts) +
			       header->histograms * sizeof(*snap->histograms) + sizeof(snap->end);
	kvfree(room);
	kvfree(cuts);
	return 0;
err:
	kvfree(room);
	kvfree(cuts);
	return -ENOMEM;
}

struct tt_snapshot *tt_snapshot_take_since(u64 from_ns)
{
	struct tt_snapshot *snap = kzalloc(sizeof(*snap), GFP_KERNEL);
	int err;

	if (!snap)
		return ERR_PTR(-ENOMEM);
	tt_clients_flush();
	err = take(snap, from_ns ? tt_clock_ticks_at(from_ns) : 0);
	if (err) {
		tt_snapshot_free(snap);
		return ERR_PTR(err);
	}
	return snap;
}

struct tt_snapshot *tt_snapshot_take(void)
{
	struct tt_snapshot *snap;

	mutex_lock(&tt_mutex);
	snap = tt_snapshot_take_since(0);
	mutex_unlock(&tt_mutex);
	return snap;
}

ssize_t tt_snapshot_read(const struct tt_snapshot *snap, char __user *to, size_t count,
			 loff_t *pos)
{
	const struct {
		const void *data;
		size_t bytes;
	} sections[] = {
		{ &snap->header, sizeof(snap->header) },
		{ snap->dictionary, snap->header.dictionary_bytes },
		{ snap->blocks, snap->header.blocks * TT_BLOCK_BYTES },
		{ snap->accounts, snap->header.cpus * sizeof(*snap->accounts) },
		{ snap->histograms, snap->header.histograms * sizeof(*snap->histograms) },
		{ &snap->end, sizeof(snap->end) },
	};
	loff_t begin = 0; /* of the section in the file */
	ssize_t done = 0;
	loff_t within;
	ssize_t n;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sections) && count; i++) {
		if (*pos < begin + sections[i].bytes) {
			within = *pos - begin;
			n = simple_read_from_buffer(to + done, count, &within, sections[i].data,
						    sections[i].bytes);
			if (n < 0)
				return done ?: n;
			done += n;
			count -= n;
			*pos += n;
		}
		begin += sections[i].bytes;
	}
	return done;
}

loff_t tt_snapshot_lseek(const struct tt_snapshot *snap, struct file *file, loff_t offset,
			 int whence)
{
	return fixed_size_llseek(file, offset, whence, snap->end.file_bytes);
}

void tt_snapshot_free(struct tt_snapshot *snap)
{
	kvfree(snap->dictionary);
	vfree(snap->blocks);
	kvfree(snap->accounts);
	kvfree(snap->histograms);
	kfree(snap);
}
