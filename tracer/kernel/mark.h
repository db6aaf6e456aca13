/* SPDX-License-Identifier: GPL-2.0-only */
/* The tracer's own event: a short text put into the trace by hand. */
#ifndef TIMETRACE_MARK_H
#define TIMETRACE_MARK_H

#include <linux/types.h>

#define TT_MARK_CHARS 32

int tt_mark_init(void);
void tt_mark_exit(void);

/* Records @text, at most TT_MARK_CHARS characters of it. */
void tt_mark(const char *text);

/* Records that a trigger fired; any context. */
void tt_mark_trigger(u32 number, u64 value, u64 capture);

/* Records what a record costs now: a few of them, and their measure (may sleep). */
void tt_mark_calibrate(void);

/* Records @count of them and returns what one costs in ns. */
u64 tt_mark_cost_ns(u32 count);

#endif /* TIMETRACE_MARK_H */
