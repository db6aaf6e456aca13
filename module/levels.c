// SPDX-License-Identifier: GPL-2.0-only
/*
 * Priority levels of a namespace, as its administrator writes them or, each
 * cutoff_interval_msecs, as the messages that came make them best. Nothing is
 * noted for that beside the counters of the namespace, by whoever receives.
 */

#include "cutoffs.h"
#include "levels.h"
#include "tracing.h"
#include "uapi/homa.h"

static DEFINE_MUTEX(levels_mutex);

void homa_levels_lock(void)
{
	mutex_lock(&levels_mutex);
}

void homa_levels_unlock(void)
{
	mutex_unlock(&levels_mutex);
}

void homa_levels_derive(struct homa_net *hnet)
{
	struct homa_tunables *tun = &hnet->tun;
	int *cutoffs = tun->unsched_cutoffs, lowest, i;

	lockdep_assert_held(&levels_mutex);
	WRITE_ONCE(cutoffs[0], S32_MAX);
	for (i = tun->num_priorities; i < HOMA_MAX_PRIORITIES; i++)
		WRITE_ONCE(cutoffs[i], 0);
	/* The level that takes messages of any length is the lowest of them. */
	for (lowest = HOMA_MAX_PRIORITIES - 1; cutoffs[lowest] < HOMA_MAX_MESSAGE_LENGTH; lowest--)
		;
	WRITE_ONCE(tun->max_sched_prio, max(lowest - 1, 0));
	WRITE_ONCE(tun->cutoff_version, tun->cutoff_version % U16_MAX + 1);
}

/* What all CPUs have counted. */
static void received(const struct homa_net *hnet, struct homa_sizes *sizes)
{
	int cpu, i;

	memset(sizes, 0, sizeof(*sizes));
	for_each_possible_cpu(cpu) {
		const struct homa_metrics *metrics = per_cpu_ptr(hnet->metrics, cpu);

		for (i = 0; i < HOMA_SIZE_CLASSES; i++)
			sizes->bytes[i] += READ_ONCE(metrics->msg_bytes[i]);
		sizes->bytes[i] += READ_ONCE(metrics->large_msg_bytes);
		sizes->large += READ_ONCE(metrics->large_msg_count);
	}
}

static void choose(struct homa_net *hnet)
{
	struct homa_observed *observed = &hnet->observed;
	struct homa_tunables *tun = &hnet->tun;
	u32 cutoffs[HOMA_MAX_PRIORITIES], share;
	bool changes = false;
	int i;

	lockdep_assert_held(&levels_mutex);
	received(hnet, &observed->now);
	homa_sizes_learn(&observed->average, &observed->last, &observed->now);
	share = homa_cutoffs_choose(&observed->average, READ_ONCE(tun->unsched_bytes),
				    tun->num_priorities, cutoffs);
	if (!share)
		return;
	/* The lowest takes the rest, whatever is written there. */
	for (i = 1; i < HOMA_MAX_PRIORITIES; i++)
		changes |= cutoffs[i] != tun->unsched_cutoffs[i];
	if (!changes)
		return;
	for (i = 1; i < HOMA_MAX_PRIORITIES; i++)
		WRITE_ONCE(tun->unsched_cutoffs[i], cutoffs[i]);
	homa_levels_derive(hnet);
	homa_metric_inc(hnet, cutoff_changes);
	homa_trace_cutoffs(tun->cutoff_version, tun->max_sched_prio, share);
}

static void work(struct work_struct *work)
{
	struct homa_net *hnet = container_of(to_delayed_work(work), struct homa_net,
					     observed.work);

	mutex_lock(&levels_mutex);
	if (hnet->tun.cutoff_interval_msecs) {
		choose(hnet);
		queue_delayed_work(homa_wq, &hnet->observed.work,
				   msecs_to_jiffies(hnet->tun.cutoff_interval_msecs));
	}
	mutex_unlock(&levels_mutex);
}

void homa_levels_observe(struct homa_net *hnet)
{
	struct homa_observed *observed = &hnet->observed;

	lockdep_assert_held(&levels_mutex);
	if (!hnet->tun.cutoff_interval_msecs)
		return;
	/* Old traffic does not count, unless only the interval has changed. */
	if (!delayed_work_pending(&observed->work)) {
		memset(&observed->average, 0, sizeof(observed->average));
		received(hnet, &observed->last);
	}
	mod_delayed_work(homa_wq, &observed->work,
			 msecs_to_jiffies(hnet->tun.cutoff_interval_msecs));
}

void homa_levels_net_init(struct homa_net *hnet)
{
	INIT_DELAYED_WORK(&hnet->observed.work, work);
}

void homa_levels_net_exit(struct homa_net *hnet)
{
	cancel_delayed_work_sync(&hnet->observed.work);
}
