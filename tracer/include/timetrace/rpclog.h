/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The application's own record of every RPC, written by load generators of any
 * transport and read by the analyzers. A file is one struct rpclog_header and
 * then struct rpclog_record until its end, all little-endian. Times are
 * CLOCK_MONOTONIC of the host the process ran on, the clock of the traces.
 */
#ifndef TIMETRACE_RPCLOG_H
#define TIMETRACE_RPCLOG_H

#include <stdint.h>

#define RPCLOG_MAGIC 0x31474f4c43505248ull /* "HRPCLOG1" */

enum rpclog_role { RPCLOG_CLIENT = 1, RPCLOG_SERVER = 2 };
enum rpclog_transport { RPCLOG_HOMA = 1, RPCLOG_TCP = 2, RPCLOG_UDP = 3 };

struct rpclog_header {
	uint64_t magic;
	uint32_t header_bytes; /* records begin here */
	uint32_t record_bytes; /* sizeof(struct rpclog_record) of the writer */
	uint8_t role;
	uint8_t transport;
	uint8_t reserved[6];
	uint64_t records; /* written at close; 0: read to the end of file */
	uint64_t dropped; /* RPCs that are not in the file */
	char host[32]; /* NUL-terminated name of the node */
};

/*
 * Client: send_call, send_return, recv_call, recv_return of one RPC; its round
 * trip is recv_return_ns - send_call_ns. Server: recv_call and recv_return of
 * the request, send_call and send_return of the reply. When one thread serves
 * several RPCs at once, recv_call is the call that completed this one. Messages
 * that one call receives (recvmmsg) all have its times.
 * recv_tid and send_tid are kernel thread ids (gettid).
 */
struct rpclog_record {
	uint64_t rpc_id; /* Homa: id at this host; else a count per socket */
	uint64_t send_call_ns;
	uint64_t send_return_ns;
	uint64_t recv_call_ns;
	uint64_t recv_return_ns;
	uint32_t send_tid;
	uint32_t recv_tid;
	uint32_t request_bytes;
	uint32_t response_bytes;
	uint16_t client_port;
	uint16_t server_port;
	uint32_t flags; /* RPCLOG_* */
};

#define RPCLOG_WARMUP 1 /* not to be counted */
#define RPCLOG_ERROR 2 /* failed; times up to the failure */
#define RPCLOG_SAME_CALL 4 /* received by the call that received the thread's last one, too */

#endif /* TIMETRACE_RPCLOG_H */
