/* SPDX-License-Identifier: GPL-2.0-only */
/* Histograms of the stages of clients: memory, sums, text. */
#ifndef TIMETRACE_HIST_H
#define TIMETRACE_HIST_H

#include <linux/seq_file.h>
#include <timetrace/kernel.h>

/* All under tt_mutex. */
int tt_hist_init(struct tt_client *client);
void tt_hist_exit(struct tt_client *client);
void tt_hist_clear(struct tt_client *client);

/* What tt_observe() tells the trigger of is above @ticks. */
void tt_hist_limit(struct tt_client *client, u32 stage, u32 ticks);

/* Value that a share of @per_million of all is not above, in ticks; 0 without any. */
u64 tt_hist_percentile(const struct tt_client *client, u32 stage, u32 per_million, u64 *total);

/* Histograms that are not empty, each per CPU; NULL without memory, or none. */
struct tt_histogram *tt_hist_copy(u32 *count);

/* A line for each stage. */
void tt_hist_show(struct seq_file *seq);

#endif /* TIMETRACE_HIST_H */
