// SPDX-License-Identifier: GPL-2.0-only
/* The clock of records; see clock.h. */
#include <linux/ktime.h> /* before timekeeping.h, which needs it on 6.1 */
#include <linux/math64.h>
#include <linux/timekeeping.h>

#include "clock.h"

#define MAX_PAIR_TICKS 1000 /* reading two clocks takes less */

static u64 begin_ticks, begin_ns;

#ifdef TT_HAVE_TSC
static bool tsc __ro_after_init;

bool tt_clock_is_tsc(void)
{
	return tsc;
}

/* The kernel reads what we would read, and the same on every CPU. */
static bool tsc_keeps_time(void)
{
	struct system_time_snapshot snapshot;
	u64 before, after;

	if (check_tsc_unstable())
		return false;
	before = get_cycles();
	ktime_get_snapshot(&snapshot);
	after = get_cycles();
	return snapshot.cycles >= before && snapshot.cycles <= after;
}

void tt_clock_pair(u64 *ticks, u64 *ns)
{
	u64 best = ~0ull;
	u64 before, at, after;
	int i;

	if (!tsc) {
		*ns = ktime_get_mono_fast_ns();
		*ticks = *ns;
		return;
	}
	/* An NMI or the hypervisor may come between: then the tighter of two holds. */
	for (i = 0; i < 2 && best > MAX_PAIR_TICKS; i++) {
		before = get_cycles();
		at = ktime_get_mono_fast_ns();
		after = get_cycles();
		if (after - before < best) {
			best = after - before;
			*ticks = before + best / 2;
			*ns = at;
		}
	}
}

void tt_clock_init(void)
{
	tsc = tsc_keeps_time();
	tt_clock_pair(&begin_ticks, &begin_ns);
}
#else
bool tt_clock_is_tsc(void)
{
	return false;
}

void tt_clock_pair(u64 *ticks, u64 *ns)
{
	*ns = ktime_get_mono_fast_ns();
	*ticks = *ns;
}

void tt_clock_init(void)
{
	tt_clock_pair(&begin_ticks, &begin_ns);
}
#endif

void tt_clock_begin(u64 *ticks, u64 *ns)
{
	*ticks = begin_ticks;
	*ns = begin_ns;
}

u64 tt_clock_to_ns(u64 ticks)
{
	u64 at, ns;

	if (!tt_clock_is_tsc())
		return ticks;
	tt_clock_pair(&at, &ns);
	return at == begin_ticks ? ticks :
	       mul_u64_u64_div_u64(ticks, ns - begin_ns, at - begin_ticks);
}

u64 tt_clock_from_ns(u64 ns)
{
	u64 ticks, at;

	if (!tt_clock_is_tsc())
		return ns;
	tt_clock_pair(&ticks, &at);
	return at == begin_ns ? ns :
	       mul_u64_u64_div_u64(ns, ticks - begin_ticks, at - begin_ns);
}
