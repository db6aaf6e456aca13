/* SPDX-License-Identifier: GPL-2.0-only */
/* An ordinary tracepoint of the same fields, to compare with. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tt_bench

#if !defined(TT_BENCH_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TT_BENCH_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(tt_bench_record,
	TP_PROTO(u64 rpc_id, u32 length),
	TP_ARGS(rpc_id, length),
	TP_STRUCT__entry(
		__field(u64, rpc_id)
		__field(u32, length)
	),
	TP_fast_assign(
		__entry->rpc_id = rpc_id;
		__entry->length = length;
	),
	TP_printk("rpc_id=%llu length=%u", __entry->rpc_id, __entry->length)
);

#endif /* TT_BENCH_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE tt_bench_trace
#include <trace/define_trace.h>
