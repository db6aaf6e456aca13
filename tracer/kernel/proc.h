/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TIMETRACE_PROC_H
#define TIMETRACE_PROC_H

#include <linux/proc_fs.h>

/* /proc/timetrace and /proc/timetrace_raw. */
int tt_proc_init(void);
void tt_proc_exit(void);

/* Lets the group of the module parameter gid read @entry; returns it, or NULL if it is NULL. */
struct proc_dir_entry *tt_proc_share(struct proc_dir_entry *entry);

#endif /* TIMETRACE_PROC_H */
