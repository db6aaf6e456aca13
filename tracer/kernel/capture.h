/* SPDX-License-Identifier: GPL-2.0-only */
/* Snapshots that triggers took, to be read from /proc/timetrace_captures/. */
#ifndef TIMETRACE_CAPTURE_H
#define TIMETRACE_CAPTURE_H

#include <linux/types.h>

#define TT_MAX_CAPTURES 64

int tt_captures_init(void);
void tt_captures_exit(void);

/* Under tt_mutex: keeps what was recorded since @from_ns as number @id, called @capture. */
int tt_capture_take(u32 id, u64 from_ns, u64 capture);

/* Under tt_mutex: forgets all; waits for those who read one at the moment. */
void tt_captures_drop(void);

#endif /* TIMETRACE_CAPTURE_H */
