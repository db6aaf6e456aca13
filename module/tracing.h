/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * homa_trace_<name>(fields...) for each line of uapi/homa_events.def: fires
 * the tracepoint homa:homa_<name> and records in the flight recorder. Any
 * context; two nops when nobody listens.
 */
#ifndef _HOMA_TRACING_H
#define _HOMA_TRACING_H

#define TT_HOME homa_tt_cpu
#include <timetrace/kernel.h>
#include "tracepoints.h"

enum homa_event {
#define TT_EVENT(n, name, doc, ...) HOMA_EVENT_##name,
#include "uapi/homa_events.def"
#include "uapi/homa_folds.def"
#undef TT_EVENT
	HOMA_EVENTS
};

enum homa_stage {
#define TT_STAGE(name, doc) HOMA_STAGE_##name,
#include "uapi/homa_stages.def"
#undef TT_STAGE
	HOMA_STAGES
};

extern struct tt_client homa_tt_client;
extern struct tt_key homa_tt_key;

#define TT_EVENT(n, name, doc, ...)						\
	TT_RECORDER(homa_tt_##name, &homa_tt_client, &homa_tt_key,		\
		    HOMA_EVENT_##name, n, __VA_ARGS__)				\
	static __always_inline void homa_trace_##name(TT_PARAMS(n, __VA_ARGS__)) \
	{									\
		trace_homa_##name(TT_NAMES(n, __VA_ARGS__));			\
		homa_tt_##name(TT_NAMES(n, __VA_ARGS__));			\
	}
#include "uapi/homa_events.def"
#undef TT_EVENT

#define TT_EVENT(n, name, doc, ...) \
	TT_RECORDER_AT(homa_tt_##name, &homa_tt_client, HOMA_EVENT_##name, n, __VA_ARGS__)
#define TT_IMAGE(n, name, doc, ...) \
	TT_IMAGE_RECORDER_AT(homa_tt_##name, &homa_tt_client, HOMA_EVENT_##name, n, __VA_ARGS__)
#include "uapi/homa_folds.def"
#undef TT_EVENT

/* What the records of an RPC are made of: those of a client are the beginning of it. */
struct homa_tt_image {
	TT_MEMBERS(22, HOMA_REQUEST_FIELDS)
};

/**
 * homa_tracing_init() - attach to the flight recorder, now or when it is loaded
 *
 * Return: 0 or -errno; the absence of the recorder is no error.
 */
int homa_tracing_init(void);

/* No homa_trace_*() may run any more. Harmless after a failed init. */
void homa_tracing_exit(void);

#endif /* _HOMA_TRACING_H */
