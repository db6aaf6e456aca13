// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock of records; see clock.h.
 *
 * Where it may sleep, the kernel says exactly which count of the TSC is which
 * nanosecond. Between two such moments ticks and ns are proportional but for
 * what disciplines the clock meanwhile. Old moments are thinned out, so that
 * a ring that holds hours can be converted, too.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "clock.h"
#include "compat.h"

#ifdef TT_HAVE_TSC
#define MAX_MOMENTS 512
#define NOTE_JIFFIES (HZ / 8)
#define MIN_APART_NS (10 * NSEC_PER_MSEC) /* rounding does not spoil the rate */

enum unit { TICKS, NS };

struct moment {
	u64 at[2]; /* by enum unit */
};

static bool tsc __ro_after_init;
static u8 source_seq; /* of the clocksource that the ticks are of */
static DEFINE_MUTEX(moments_lock);
static struct moment moments[MAX_MOMENTS];
static u32 nmoments; /* 2 or more once the clock is initialized */

bool tt_clock_is_tsc(void)
{
	return tsc;
}

u64 tt_clock_now(void)
{
	return tsc ? get_cycles() : ktime_get_mono_fast_ns();
}

/* The kernel reads what we would read, and the same on every CPU. */
static bool tsc_keeps_time(void)
{
	struct system_time_snapshot snapshot;
	u64 before, after;

	if (check_tsc_unstable())
		return false;
	before = get_cycles();
	tt_snapshot(&snapshot);
	after = get_cycles();
	source_seq = snapshot.cs_was_changed_seq;
	return snapshot.cycles >= before && snapshot.cycles <= after;
}

/* False if the kernel has another clocksource by now. */
static bool exact_moment(struct moment *moment)
{
	struct system_time_snapshot snapshot;

	moment->at[NS] = tt_snapshot(&snapshot);
	moment->at[TICKS] = snapshot.cycles;
	return snapshot.cs_was_changed_seq == source_seq;
}

/* Every other one of the older half goes. */
static void thin_out(void)
{
	u32 i, kept = 1;

	for (i = 2; i < nmoments; i += i < MAX_MOMENTS / 2 ? 2 : 1)
		moments[kept++] = moments[i];
	nmoments = kept;
}

/* Adds the moment that it is, unless the last one was just before. */
static struct moment note(void)
{
	struct moment now;

	mutex_lock(&moments_lock);
	if (exact_moment(&now) &&
	    now.at[NS] - moments[nmoments - 1].at[NS] >= MIN_APART_NS) {
		if (nmoments == MAX_MOMENTS)
			thin_out();
		moments[nmoments++] = now;
	}
	mutex_unlock(&moments_lock);
	return now;
}

static void note_again(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(note_work, note_again);

static void note_again(struct work_struct *work)
{
	note();
	schedule_delayed_work(&note_work, NOTE_JIFFIES);
}

void tt_clock_moment(u64 *ticks, u64 *ns)
{
	struct moment now;

	if (tsc) {
		now = note();
		*ticks = now.at[TICKS];
		*ns = now.at[NS];
	} else {
		*ns = ktime_get_mono_fast_ns();
		*ticks = *ns;
	}
}

void tt_clock_begin(u64 *ticks, u64 *ns)
{
	*ticks = moments[0].at[TICKS];
	*ns = moments[0].at[NS];
}

/* @amount in the other unit, at the rate between two moments. */
static u64 scale(u64 amount, enum unit unit, const struct moment *a, const struct moment *b)
{
	return mul_u64_u64_div_u64(amount, b->at[!unit] - a->at[!unit], b->at[unit] - a->at[unit]);
}

/* @time in the other unit; what is before the first moment is that moment. */
static u64 convert(u64 time, enum unit unit)
{
	u32 low = 0, high, middle;
	const struct moment *a;
	u64 result;

	mutex_lock(&moments_lock);
	high = nmoments - 1;
	while (high - low > 1) {
		middle = (low + high) / 2;
		if (moments[middle].at[unit] <= time)
			low = middle;
		else
			high = middle;
	}
	a = &moments[low];
	result = a->at[!unit];
	if (time > a->at[unit])
		result += scale(time - a->at[unit], unit, a, &moments[high]);
	mutex_unlock(&moments_lock);
	return result;
}

u64 tt_clock_ns_at(u64 ticks)
{
	return tsc ? convert(ticks, TICKS) : ticks;
}

u64 tt_clock_ticks_at(u64 ns)
{
	return tsc ? convert(ns, NS) : ns;
}

static u64 scale_by_all(u64 amount, enum unit unit)
{
	mutex_lock(&moments_lock);
	amount = scale(amount, unit, &moments[0], &moments[nmoments - 1]);
	mutex_unlock(&moments_lock);
	return amount;
}

u64 tt_clock_to_ns(u64 ticks)
{
	return tsc ? scale_by_all(ticks, TICKS) : ticks;
}

u64 tt_clock_from_ns(u64 ns)
{
	return tsc ? scale_by_all(ns, NS) : ns;
}

void tt_clock_init(void)
{
	tsc = tsc_keeps_time();
	if (!tsc) {
		tt_clock_moment(&moments[0].at[TICKS], &moments[0].at[NS]);
		return;
	}
	exact_moment(&moments[0]);
	nmoments = 1;
	msleep(MIN_APART_NS / NSEC_PER_MSEC + 1);
	note();
	schedule_delayed_work(&note_work, NOTE_JIFFIES);
}

void tt_clock_exit(void)
{
	cancel_delayed_work_sync(&note_work);
}
#else
static u64 begin_ns;

bool tt_clock_is_tsc(void)
{
	return false;
}

u64 tt_clock_now(void)
{
	return ktime_get_mono_fast_ns();
}

void tt_clock_moment(u64 *ticks, u64 *ns)
{
	*ns = ktime_get_mono_fast_ns();
	*ticks = *ns;
}

void tt_clock_begin(u64 *ticks, u64 *ns)
{
	*ns = begin_ns;
	*ticks = *ns;
}

u64 tt_clock_ns_at(u64 ticks)
{
	return ticks;
}

u64 tt_clock_ticks_at(u64 ns)
{
	return ns;
}

u64 tt_clock_to_ns(u64 ticks)
{
	return ticks;
}

u64 tt_clock_from_ns(u64 ns)
{
	return ns;
}

void tt_clock_init(void)
{
	begin_ns = tt_clock_now();
}

void tt_clock_exit(void)
{
}
#endif
