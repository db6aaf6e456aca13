/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of records. Ticks are those of the time stamp counter when the
 * kernel itself keeps time by it, else nanoseconds of CLOCK_MONOTONIC. Blocks
 * and dumps hold the same moment in both, from which readers convert.
 */
#ifndef TIMETRACE_CLOCK_H
#define TIMETRACE_CLOCK_H

#include <timetrace/kernel.h>

/* Decides which; before anything is recorded. Both may sleep. */
void tt_clock_init(void);
void tt_clock_exit(void);
bool tt_clock_is_tsc(void);

/* In ticks; any context. */
u64 tt_clock_now(void);

/* What it is now in both, exactly (may sleep, as all below). */
void tt_clock_moment(u64 *ticks, u64 *ns);

/*
 * What it was in the other at a time since tt_clock_init(); the same for every
 * CPU, and never decreasing.
 */
u64 tt_clock_ns_at(u64 ticks);
u64 tt_clock_ticks_at(u64 ns);

/* The moment of tt_clock_init(). */
void tt_clock_begin(u64 *ticks, u64 *ns);

/* Durations, by the rate since tt_clock_init(). */
u64 tt_clock_to_ns(u64 ticks);
u64 tt_clock_from_ns(u64 ns);

#endif /* TIMETRACE_CLOCK_H */
