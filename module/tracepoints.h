/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The events of uapi/homa_events.def as ordinary tracepoints homa:homa_<name>,
 * for perf, trace-cmd and bpftrace.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM homa

#if !defined(_HOMA_TRACEPOINTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _HOMA_TRACEPOINTS_H

#include <linux/tracepoint.h>
#include <timetrace/event_list.h>

#define HOMA_TP_FIELD(t, f, u) __field(t, f)
#define HOMA_TP_ASSIGN(t, f, u) __entry->f = f;
#define HOMA_TP_VALUE(t, f, u) __entry->f
#define HOMA_TP_FORMAT(t, f, u) #f "=" HOMA_TP_FORMAT_##t
#define HOMA_TP_SPACE() " "
#define HOMA_TP_FORMAT_u8 "%u"
#define HOMA_TP_FORMAT_u16 "%u"
#define HOMA_TP_FORMAT_u32 "%u"
#define HOMA_TP_FORMAT_s32 "%d"
#define HOMA_TP_FORMAT_u64 "%llu"

#define TT_EVENT(n, name, doc, ...)						\
	TRACE_EVENT(homa_##name,						\
		TP_PROTO(TT_PARAMS(n, __VA_ARGS__)),				\
		TP_ARGS(TT_NAMES(n, __VA_ARGS__)),				\
		TP_STRUCT__entry(						\
			TT_EACH##n(HOMA_TP_FIELD, TT_SEP_NONE, __VA_ARGS__)),	\
		TP_fast_assign(							\
			TT_EACH##n(HOMA_TP_ASSIGN, TT_SEP_NONE, __VA_ARGS__)),	\
		TP_printk(TT_EACH##n(HOMA_TP_FORMAT, HOMA_TP_SPACE, __VA_ARGS__), \
			  TT_EACH##n(HOMA_TP_VALUE, TT_SEP_COMMA, __VA_ARGS__)))
#include "uapi/homa_events.def"
#undef TT_EVENT

#endif /* _HOMA_TRACEPOINTS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE tracepoints
#include <trace/define_trace.h>
