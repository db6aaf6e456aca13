/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TIMETRACE_PROBES_H
#define TIMETRACE_PROBES_H

/* Groups of events from the kernel's own tracepoints, all off at first. */
int tt_probes_init(void);
void tt_probes_exit(void);

#endif /* TIMETRACE_PROBES_H */
