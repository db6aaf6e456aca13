/* SPDX-License-Identifier: GPL-2.0-only */
/* Freezing on behalf of other modules. */
#ifndef TIMETRACE_FREEZE_H
#define TIMETRACE_FREEZE_H

struct tt_client;

/* What tt_freeze() calls. */
void tt_freeze_soon(struct tt_client *client, const char *reason);

/* Nobody calls tt_freeze_soon() any more. */
void tt_freeze_exit(void);

#endif /* TIMETRACE_FREEZE_H */
