// SPDX-License-Identifier: GPL-2.0-only
/* Histograms of stages; counting is tt_observe() in timetrace/kernel.h. */
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "clock.h"
#include "events.h"
#include "hist.h"

void tt_hist_limit(struct tt_client *client, u32 stage, u32 ticks)
{
	WRITE_ONCE(client->limits[stage], ticks);
	WRITE_ONCE(client->spans[stage], ticks < TT_HIST_LINEAR ? 0 : ticks - TT_HIST_LINEAR + 1);
}

int tt_hist_init(struct tt_client *client)
{
	u32 i;

	for (i = 0; i < TT_MAX_STAGES; i++)
		tt_hist_limit(client, i, TT_NO_LIMIT);
	client->counts = NULL;
	if (!client->nstages)
		return 0;
	client->counts = __alloc_percpu(client->nstages * TT_HIST_BUCKETS * sizeof(u64),
					sizeof(u64));
	return client->counts ? 0 : -ENOMEM;
}

void tt_hist_exit(struct tt_client *client)
{
	free_percpu(client->counts);
	client->counts = NULL;
}

static const u64 *counts_of(const struct tt_client *client, u32 stage, unsigned int cpu)
{
	return per_cpu_ptr(client->counts, cpu) + stage * TT_HIST_BUCKETS;
}

/* What is counted meanwhile may survive. */
void tt_hist_clear(struct tt_client *client)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (client->counts)
			memset(per_cpu_ptr(client->counts, cpu), 0,
			       client->nstages * TT_HIST_BUCKETS * sizeof(u64));
}

static u64 sum(const struct tt_client *client, u32 stage, u32 bucket)
{
	unsigned int cpu;
	u64 n = 0;

	for_each_possible_cpu(cpu)
		n += READ_ONCE(counts_of(client, stage, cpu)[bucket]);
	return n;
}

u64 tt_hist_percentile(const struct tt_client *client, u32 stage, u32 per_million, u64 *total)
{
	u64 n = 0, below = 0;
	u64 rank;
	u32 i;

	for (i = 0; i < TT_HIST_BUCKETS; i++)
		n += sum(client, stage, i);
	*total = n;
	if (!n)
		return 0;
	rank = mul_u64_u64_div_u64(n, per_million, 1000000);
	for (i = 0; i < TT_HIST_BUCKETS - 1; i++) {
		below += sum(client, stage, i);
		if (below > rank || below == n)
			break;
	}
	return tt_hist_low(i + 1) - 1;
}

struct tt_histogram *tt_hist_copy(u32 *count)
{
	struct tt_histogram *to = NULL, *at;
	const struct tt_client *client;
	unsigned int cpu;
	u32 most = 0;
	u32 i;

	*count = 0;
	list_for_each_entry(client, &tt_clients, entry)
		most += client->nstages * num_possible_cpus();
	if (most)
		to = kvcalloc(most, sizeof(*to), GFP_KERNEL);
	if (!to)
		return NULL;
	at = to;
	list_for_each_entry(client, &tt_clients, entry) {
		for (i = 0; i < client->nstages; i++) {
			for_each_possible_cpu(cpu) {
				memcpy(at->counts, counts_of(client, i, cpu), sizeof(at->counts));
				if (!memchr_inv(at->counts, 0, sizeof(at->counts)))
					continue;
				at->magic = TT_HIST_MAGIC;
				at->cpu = cpu;
				strscpy(at->group, client->group, sizeof(at->group));
				strscpy(at->stage, client->stages[i].name, sizeof(at->stage));
				at++;
			}
		}
	}
	*count = at - to;
	return to;
}

void tt_hist_show(struct seq_file *seq)
{
	static const u32 percentiles[] = { 500000, 900000, 990000, 999000, 1000000 };
	const struct tt_client *client;
	u64 total, ticks;
	u32 i, k;

	seq_puts(seq, "# group stage count p50_ns p90_ns p99_ns p999_ns max_ns (upper bounds of buckets)\n");
	list_for_each_entry(client, &tt_clients, entry) {
		for (i = 0; i < client->nstages; i++) {
			tt_hist_percentile(client, i, 0, &total);
			seq_printf(seq, "%s %s %llu", client->group, client->stages[i].name, total);
			for (k = 0; k < ARRAY_SIZE(percentiles); k++) {
				ticks = tt_hist_percentile(client, i, percentiles[k], &total);
				seq_printf(seq, " %llu", tt_clock_to_ns(ticks));
			}
			seq_putc(seq, '\n');
		}
	}
}
