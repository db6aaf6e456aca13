/* SPDX-License-Identifier: Apache-2.0 */
/* Records as text, in the form of /proc/timetrace. */
#ifndef TIMETRACE_TEXT_H
#define TIMETRACE_TEXT_H

#include <stdio.h>
#include <timetrace/reader.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One line for @record. */
void tt_print_record(FILE *to, const struct tt_reader *reader, const struct tt_record *record);

/* Heading lines, each beginning with #: origin, and losses of each CPU. */
void tt_print_heading(FILE *to, const struct tt_reader *reader);

#ifdef __cplusplus
}
#endif

#endif /* TIMETRACE_TEXT_H */
