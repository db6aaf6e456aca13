/* SPDX-License-Identifier: GPL-2.0-only */
/* Differences between kernel versions; LINUX_VERSION_CODE appears nowhere else. */
#ifndef TIMETRACE_COMPAT_H
#define TIMETRACE_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

/* sk_data_ready became a tracepoint in 6.3; without it nothing is checked or called. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
struct sock;
static inline void check_trace_callback_type_sk_data_ready(void (*cb)(void *, const struct sock *))
{
}
#endif

/* Probes of tracepoints run with preemption off; later kernels protect them by SRCU alone. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define TT_PROBES_ATOMIC
#endif

#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/timekeeping.h>

/* vm_flags became read-only in 6.3. */
static inline void tt_vm_flags(struct vm_area_struct *vma, unsigned long set, unsigned long clear)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

/* hrtimer_setup() replaced hrtimer_init() in 6.13. */
static inline void tt_hrtimer_setup(struct hrtimer *timer,
				    enum hrtimer_restart (*func)(struct hrtimer *),
				    enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, func, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = func;
#endif
}

/*
 * What count of the clocksource is which monotonic nanosecond. Since 7.2 a snapshot
 * is of any clock that one asks for. Return: the time in ns.
 */
static inline u64 tt_snapshot(struct system_time_snapshot *snapshot)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	ktime_get_snapshot_id(CLOCK_MONOTONIC, snapshot);
	return ktime_to_ns(snapshot->systime);
#else
	struct system_time_snapshot second;
	ktime_t offset;

	/* The offset is that of the snapshot unless the clock was set in between. */
	do {
		ktime_get_snapshot(snapshot);
		offset = ktime_mono_to_any(0, TK_OFFS_REAL);
		ktime_get_snapshot(&second);
	} while (snapshot->clock_was_set_seq != second.clock_was_set_seq);
	return ktime_to_ns(ktime_sub(snapshot->real, offset));
#endif
}

#endif /* TIMETRACE_COMPAT_H */
