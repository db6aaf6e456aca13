/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/timetrace: a snapshot as text. */
#ifndef TIMETRACE_TEXT_H
#define TIMETRACE_TEXT_H

#include <linux/seq_file.h>

/* Iterates over the lines of the snapshot in seq_file.private (struct tt_text). */
extern const struct seq_operations tt_text_ops;

struct tt_text;

/* Takes a snapshot; ERR_PTR(-ENOMEM). */
struct tt_text *tt_text_new(void);
void tt_text_free(struct tt_text *text);

#endif /* TIMETRACE_TEXT_H */
