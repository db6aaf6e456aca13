// SPDX-License-Identifier: GPL-2.0-only
/* The tracer's own event, and the measurement of what a record costs. */
#include <linux/math64.h>

#include "events.h"
#include "mark.h"

#define CALIBRATION_ROUNDS 4
#define CALIBRATION_RECORDS 16

static struct tt_key mark_key = TT_KEY_INIT;

static const struct tt_event_def mark_events[] = {
	TT_EVENT_DEF("", 4, mark, "text written to /proc/timetrace",
		     u64, a, "text", u64, b, "text", u64, c, "text", u64, d, "text")
	TT_EVENT_DEF("", 2, calibrate, "records written to measure their cost",
		     u64, id, "id", u32, value, "count")
	TT_EVENT_DEF("", 3, trigger, "a trigger fired; value: duration or 0; id: of the capture",
		     u32, capture, "number", u64, value, "ticks", u64, id, "id")
	TT_EVENT_DEF("", 1, record_cost, "by the records before it, when recording starts or stops",
		     u32, cost, "ps")
};

static struct tt_client mark_client = {
	.group = "timetrace",
	.events = mark_events,
	.nevents = ARRAY_SIZE(mark_events),
	.key = &mark_key,
};

TT_RECORDER(record_mark, &mark_client, &mark_key, 0, 4,
	    u64, a, "", u64, b, "", u64, c, "", u64, d, "")
TT_RECORDER(record_calibrate, &mark_client, &mark_key, 1, 2, u64, id, "", u32, value, "")

TT_RECORDER(record_trigger, &mark_client, &mark_key, 2, 3,
	    u32, number, "", u64, value, "", u64, capture, "")

TT_RECORDER(record_cost, &mark_client, &mark_key, 3, 1, u32, cost, "")

void tt_mark_trigger(u32 number, u64 value, u64 capture)
{
	record_trigger(number, value, capture);
}

void tt_mark(const char *text)
{
	u64 words[TT_MARK_CHARS / sizeof(u64)] = {};

	memcpy(words, text, strnlen(text, sizeof(words)));
	record_mark(words[0], words[1], words[2], words[3]);
}

u64 tt_mark_cost_ns(u32 count)
{
	u64 begin = ktime_get_mono_fast_ns();
	u32 i;

	for (i = 0; i < count; i++)
		record_calibrate(i, i);
	return div_u64(ktime_get_mono_fast_ns() - begin, count);
}

void tt_mark_calibrate(void)
{
	u32 round, i;
	u64 best = U64_MAX, begin, ns;

	/* What comes between can only add. */
	for (round = 0; round < CALIBRATION_ROUNDS; round++) {
		begin = ktime_get_mono_fast_ns();
		for (i = 0; i < CALIBRATION_RECORDS; i++)
			record_calibrate(round, i);
		ns = ktime_get_mono_fast_ns() - begin;
		best = min(best, ns);
	}
	record_cost(min_t(u64, div_u64(best * PSEC_PER_NSEC, CALIBRATION_RECORDS), U32_MAX));
}

int tt_mark_init(void)
{
	int err;

	mutex_lock(&tt_mutex);
	err = tt_client_add(&mark_client);
	if (!err)
		err = tt_client_switch(&mark_client, true);
	mutex_unlock(&tt_mutex);
	return err;
}

void tt_mark_exit(void)
{
	mutex_lock(&tt_mutex);
	tt_client_remove(&mark_client);
	mutex_unlock(&tt_mutex);
}
