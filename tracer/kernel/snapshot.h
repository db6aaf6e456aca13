/* SPDX-License-Identifier: GPL-2.0-only */
/* A dump in memory: all rings cut at one moment, copied, and accounted for. */
#ifndef TIMETRACE_SNAPSHOT_H
#define TIMETRACE_SNAPSHOT_H

#include <linux/fs.h>
#include <timetrace/record.h>

#include "ring.h"

/**
 * struct tt_snapshot - the sections of a dump, in their order
 * @header: file header.
 * @dictionary: header.dictionary_bytes.
 * @blocks: header.blocks blocks, grouped by CPU.
 * @accounts: header.cpus accounts.
 * @histograms: header.histograms of them.
 * @end: end mark.
 */
struct tt_snapshot {
	struct tt_file_header header;
	void *dictionary;
	void *blocks;
	struct tt_cpu_account *accounts;
	struct tt_histogram *histograms;
	struct tt_file_end end;
};

/* Sleeps; recording goes on. ERR_PTR(-ENOMEM). */
struct tt_snapshot *tt_snapshot_take(void);

/*
 * Block @sequence of @cpu as it stands in a dump; see tt_ring_copy(). What it
 * says of the records before it may miss some in the making.
 */
int tt_snapshot_block(unsigned int cpu, const struct tt_cut *cut, u64 sequence,
		      struct tt_block *to);

/* Under tt_mutex: only what may be since @from_ns. */
struct tt_snapshot *tt_snapshot_take_since(u64 from_ns);

/* The dump as a file. */
ssize_t tt_snapshot_read(const struct tt_snapshot *snap, char __user *to, size_t count,
			 loff_t *pos);
loff_t tt_snapshot_lseek(const struct tt_snapshot *snap, struct file *file, loff_t offset,
			 int whence);

void tt_snapshot_free(struct tt_snapshot *snap);

/* One record cost this when it was measured at load. */
extern u64 tt_record_cost_ns;

#endif /* TIMETRACE_SNAPSHOT_H */
