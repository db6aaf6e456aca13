// SPDX-License-Identifier: GPL-2.0-only
/* The thread of a link, for the strategies that release by one. */

#include <linux/kthread.h>
#include <linux/netdevice.h>
#include <linux/sched.h>
#include "pacer_thread.h"

/* Packets sent before other threads have their turn. */
#define HOMA_THREAD_PACKETS 16

static int run(void *arg)
{
	struct homa_link *link = arg;
	ktime_t due;

	for (;;) {
		set_current_state(TASK_IDLE);
		if (kthread_should_stop())
			break;
		due = ns_to_ktime(READ_ONCE(link->due_ns));
		if (!READ_ONCE(link->waiting))
			schedule();
		else if (ktime_after(due, ktime_get()))
			schedule_hrtimeout(&due, HRTIMER_MODE_ABS);
		__set_current_state(TASK_RUNNING);
		homa_pacer_release(link, HOMA_THREAD_PACKETS);
		cond_resched();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

struct task_struct *homa_pacer_thread_start(struct homa_link *link, bool real_time)
{
	struct task_struct *thread = kthread_create(run, link, "homa/%s", link->dev->name);

	if (IS_ERR(thread))
		return thread;
	if (real_time)
		sched_set_fifo(thread);
	wake_up_process(thread);
	return thread;
}

void homa_pacer_thread_wake(struct homa_link *link, u64 wait_ns)
{
	lockdep_assert_held(&link->lock);
	WRITE_ONCE(link->due_ns, ktime_get_ns() + wait_ns);
	if (link->thread != current)
		wake_up_process(link->thread);
}
