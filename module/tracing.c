// SPDX-License-Identifier: GPL-2.0-only
/* The module's side of tracing: its tracepoints and its events in the flight recorder. */
#include <linux/module.h>
#include <linux/mutex.h>

#define CREATE_TRACE_POINTS
#include "tracing.h"

struct tt_key homa_tt_key = TT_KEY_INIT;
DEFINE_PER_CPU_ALIGNED(struct tt_cpu, homa_tt_cpu);

static const struct tt_event_def events[] = {
#define TT_EVENT(n, name, doc, ...) TT_EVENT_DEF("homa_", n, name, doc, __VA_ARGS__)
#include "uapi/homa_events.def"
#include "uapi/homa_folds.def"
#undef TT_EVENT
};

/* Where a field is in a record, by offsetof(). */
#define FIELD(t, f, u) char f;
#define TT_EVENT(n, name, doc, ...)						\
	union fields_of_##name {						\
		struct { TT_EACH##n(FIELD, TT_SEP_NONE, __VA_ARGS__) };		\
		struct { char before_zero[TT_PART_ZERO]; char ZERO; };		\
		struct { char before_same[TT_PART_SAME]; char SAME; };		\
	};
#include "uapi/homa_folds.def"
#undef TT_EVENT

#define AT(record, f) offsetof(union fields_of_##record, f)
#define PART(record, event, when, where, ...)					\
	{ HOMA_EVENT_##record, HOMA_EVENT_##event, AT(record, when), AT(record, where), \
	  { __VA_ARGS__ } },

static const struct tt_part_def parts[] = {
#define TT_EVENT(...)
#define TT_PART1(r, e, when, where, a) PART(r, e, when, where, AT(r, a))
#define TT_PART2(r, e, when, where, a, b) PART(r, e, when, where, AT(r, a), AT(r, b))
#define TT_PART3(r, e, when, where, a, b, c) PART(r, e, when, where, AT(r, a), AT(r, b), AT(r, c))
#include "uapi/homa_folds.def"
#undef TT_EVENT
};

static const struct tt_stage_def stages[] = {
#define TT_STAGE(name, doc) { #name, doc },
#include "uapi/homa_stages.def"
#undef TT_STAGE
};

struct tt_client homa_tt_client = {
	.group = "homa",
	.events = events,
	.nevents = ARRAY_SIZE(events),
	.parts = parts,
	.nparts = ARRAY_SIZE(parts),
	.stages = stages,
	.nstages = ARRAY_SIZE(stages),
	.key = &homa_tt_key,
	.home = &homa_tt_cpu,
};

/* Serializes init, exit and the notifier: only one of them attaches. */
static DEFINE_MUTEX(attach_mutex);

static int attach(void)
{
	int err = 0;

	mutex_lock(&attach_mutex);
	if (!homa_tt_client.detach)
		err = tt_attach(&homa_tt_client);
	mutex_unlock(&attach_mutex);
	if (err == -ENOENT)
		return 0;
	if (err)
		pr_warn("homa: the flight recorder refused the events: %d\n", err);
	return err;
}

static int module_event(struct notifier_block *nb, unsigned long state, void *data)
{
	struct module *mod = data;

	if (state == MODULE_STATE_LIVE && !strcmp(mod->name, "timetrace"))
		attach();
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = {
	.notifier_call = module_event,
};

int homa_tracing_init(void)
{
	int err = register_module_notifier(&module_notifier);

	if (err)
		return err;
	/* Untraced is better than unloaded. */
	attach();
	return 0;
}

void homa_tracing_exit(void)
{
	unregister_module_notifier(&module_notifier);
	tt_detach(&homa_tt_client);
}

MODULE_SOFTDEP("pre: timetrace");
