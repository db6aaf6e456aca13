/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TIMETRACE_PROC_H
#define TIMETRACE_PROC_H

/* /proc/timetrace and /proc/timetrace_raw. */
int tt_proc_init(void);
void tt_proc_exit(void);

#endif /* TIMETRACE_PROC_H */
