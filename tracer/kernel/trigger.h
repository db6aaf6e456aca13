/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Triggers: when a duration is above its limit or a chosen event happens, the
 * rings are captured or frozen, or the moment is marked.
 */
#ifndef TIMETRACE_TRIGGER_H
#define TIMETRACE_TRIGGER_H

#include <linux/seq_file.h>
#include <timetrace/kernel.h>

int tt_trigger_init(void);

/* No client is left. */
void tt_trigger_exit(void);

/* What tt_observe() and tt_freeze() call. */
void tt_trigger_over(struct tt_client *client, u32 stage, u64 ticks);
void tt_trigger_freeze(struct tt_client *client, const char *reason, u64 capture);

/* Under tt_mutex: what the moment of the last freeze is called, 0: nothing; and no more. */
u64 tt_trigger_frozen_for(void);
void tt_trigger_forget_freeze(void);

/* Under tt_mutex: @client goes; and the control words behind "trigger". */
void tt_trigger_forget(struct tt_client *client);
int tt_trigger_arm(const char *arg);
int tt_trigger_action(const char *arg);
int tt_trigger_window(const char *arg);
int tt_trigger_captures(const char *arg);
int tt_trigger_peers(const char *arg);
void tt_trigger_show(struct seq_file *seq);

#endif /* TIMETRACE_TRIGGER_H */
