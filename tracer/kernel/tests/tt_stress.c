// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stress for the rings: on every CPU a thread, a softirq timer and a hard
 * interrupt timer record at once, as fast as they can, and count what they
 * recorded, independently of the rings. /proc/tt_stress shows the counts when
 * the run is over; the dump must account for every one of them.
 *
 * Each record carries its sequence number within its context and the
 * complement of it, so that a torn or misplaced one is noticed.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <timetrace/kernel.h>
#include "../compat.h"

static unsigned int seconds = 2;
module_param(seconds, uint, 0644);
MODULE_PARM_DESC(seconds, "how long to record, from the start; 0 ends it");

static unsigned int burst = 20;
module_param(burst, uint, 0444);
MODULE_PARM_DESC(burst, "records of each interrupt");

static unsigned int pause_us;
module_param(pause_us, uint, 0444);
MODULE_PARM_DESC(pause_us, "sleep of the threads between two bursts");

static bool home;
module_param(home, bool, 0444);
MODULE_PARM_DESC(home, "offer memory of this module for the cursors of the rings");

enum context { THREAD, SOFTIRQ, HARDIRQ, CONTEXTS };

struct worker {
	struct task_struct *task;
	struct hrtimer soft;
	struct hrtimer hard;
	u64 count[CONTEXTS];
};

static DEFINE_PER_CPU(struct worker, workers);
static DEFINE_PER_CPU_ALIGNED(struct tt_cpu, stress_cpu);
static struct tt_key stress_key = TT_KEY_INIT;

#define STRESS_EVENTS(E)								\
	E(small, 2, u64, sequence, "count", u8, context, "context")			\
	E(large, 6, u64, sequence, "count", u8, context, "context",			\
	  u64, inverse, "complement of sequence", u32, low, "count", u16, tail, "count",\
	  s32, negative, "minus sequence")

static const struct tt_event_def stress_events[] = {
#define E(name, n, ...) TT_EVENT_DEF("stress_", n, name, "stress", __VA_ARGS__)
	STRESS_EVENTS(E)
#undef E
};

static struct tt_client stress_client = {
	.group = "stress",
	.events = stress_events,
	.nevents = ARRAY_SIZE(stress_events),
	.key = &stress_key,
};

enum {
#define E(name, n, ...) STRESS_##name,
	STRESS_EVENTS(E)
#undef E
};

#define E(name, n, ...) \
	TT_RECORDER(record_##name, &stress_client, &stress_key, STRESS_##name, n, __VA_ARGS__)
STRESS_EVENTS(E)
#undef E

/* Not migratable; contexts do not nest in themselves. */
static void record(enum context context)
{
	u64 sequence = this_cpu_inc_return(workers.count[context]);

	if (sequence & 1)
		record_small(sequence, context);
	else
		record_large(sequence, context, ~sequence, sequence, sequence, -sequence);
}

static void record_burst(enum context context)
{
	unsigned int i;

	for (i = 0; i < burst; i++)
		record(context);
}

static enum hrtimer_restart soft_fires(struct hrtimer *timer)
{
	record_burst(SOFTIRQ);
	hrtimer_forward_now(timer, 150 * NSEC_PER_USEC);
	return HRTIMER_RESTART;
}

static enum hrtimer_restart hard_fires(struct hrtimer *timer)
{
	record_burst(HARDIRQ);
	hrtimer_forward_now(timer, 70 * NSEC_PER_USEC);
	return HRTIMER_RESTART;
}

static int stress_thread(void *arg)
{
	struct worker *worker = arg;
	unsigned long begin = jiffies;
	unsigned int i;

	hrtimer_start(&worker->soft, ns_to_ktime(NSEC_PER_MSEC), HRTIMER_MODE_REL_PINNED_SOFT);
	hrtimer_start(&worker->hard, ns_to_ktime(NSEC_PER_MSEC), HRTIMER_MODE_REL_PINNED_HARD);
	while (!kthread_should_stop() && time_before(jiffies, begin + READ_ONCE(seconds) * HZ)) {
		for (i = 0; i < 100; i++)
			record(THREAD);
		if (pause_us)
			usleep_range(pause_us, pause_us + 10);
		cond_resched();
	}
	hrtimer_cancel(&worker->hard);
	hrtimer_cancel(&worker->soft);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ / 100 + 1);
	return 0;
}

static int show(struct seq_file *seq, void *unused)
{
	const struct worker *worker;
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		worker = per_cpu_ptr(&workers, cpu);
		seq_printf(seq, "cpu %u thread %llu softirq %llu hardirq %llu\n", cpu,
			   worker->count[THREAD], worker->count[SOFTIRQ], worker->count[HARDIRQ]);
	}
	return 0;
}

static void stop(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu)
		if (per_cpu_ptr(&workers, cpu)->task)
			kthread_stop(per_cpu_ptr(&workers, cpu)->task);
}

static int __init stress_init(void)
{
	struct worker *worker;
	struct task_struct *task;
	unsigned int cpu;
	int err;

	if (home)
		stress_client.home = &stress_cpu;
	err = tt_attach(&stress_client);
	if (err)
		return err;
	if (!proc_create_single("tt_stress", 0400, NULL, show)) {
		err = -ENOMEM;
		goto err_detach;
	}
	for_each_online_cpu(cpu) {
		worker = per_cpu_ptr(&workers, cpu);
		tt_hrtimer_setup(&worker->soft, soft_fires, HRTIMER_MODE_REL_PINNED_SOFT);
		tt_hrtimer_setup(&worker->hard, hard_fires, HRTIMER_MODE_REL_PINNED_HARD);
		task = kthread_create_on_node(stress_thread, worker, cpu_to_node(cpu),
					      "tt_stress/%u", cpu);
		if (IS_ERR(task)) {
			err = PTR_ERR(task);
			goto err_stop;
		}
		kthread_bind(task, cpu);
		worker->task = task;
		wake_up_process(task);
	}
	return 0;

err_stop:
	stop();
	remove_proc_entry("tt_stress", NULL);
err_detach:
	tt_detach(&stress_client);
	return err;
}

static void __exit stress_exit(void)
{
	stop();
	remove_proc_entry("tt_stress", NULL);
	tt_detach(&stress_client);
}

module_init(stress_init);
module_exit(stress_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Stress test of the flight recorder");
