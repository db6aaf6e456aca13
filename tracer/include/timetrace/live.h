/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the rings of this host where they are, through a mapping: recording
 * goes on, nothing is consumed, and any number of readers may do so.
 *
 *	while ((rc = tt_live_next(live, &rec)) >= 0)
 *		if (rc)
 *			use(tt_event(tt_live_reader(live), rec.event)->name, rec.args);
 *		else
 *			wait a little;
 *
 * Records come block by block, once a block is full, in the order in which
 * they were written on each CPU, the events of one record together; those of
 * several CPUs are not merged.
 * tt_live_latest() also gives what is in blocks that are not full yet.
 */
#ifndef TIMETRACE_LIVE_H
#define TIMETRACE_LIVE_H

#include <timetrace/reader.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tt_live;

/* Begins with the oldest full blocks. 0, or -errno with one line of text in @err. */
int tt_live_open(struct tt_live **live, char *err, size_t err_size);
void tt_live_close(struct tt_live *live);

/*
 * Where the events are described. Another one when there are events that it
 * did not know: good until the next call of tt_live_next().
 */
const struct tt_reader *tt_live_reader(const struct tt_live *live);

/*
 * 1: a record was stored, its time by the rate of the clock since the tracer
 * was loaded; 0: none yet; -ESTALE: the rings have been resized or the tracer
 * unloaded; -EBADMSG: a block holds what is no record; -ENOMEM.
 */
int tt_live_next(struct tt_live *live, struct tt_record *record);

/*
 * The same, but for 0: nothing at all. When there is no full block, a system
 * call for each CPU asks for what is in its current one.
 */
int tt_live_latest(struct tt_live *live, struct tt_record *record);

/* Blocks of @cpu that were overwritten before they could be copied. */
uint64_t tt_live_missed(const struct tt_live *live, uint32_t cpu);

#ifdef __cplusplus
}
#endif

#endif /* TIMETRACE_LIVE_H */
