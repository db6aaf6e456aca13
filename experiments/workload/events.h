// SPDX-License-Identifier: Apache-2.0
// What rpcload records in the trace of the kernel with --trace: the calls that an RPC log has the
// times of. Call and return of one thread follow each other; the return says what it was about.
// homascope makes RPC logs of them (analyzers/src/read/app_log.h).
#ifndef RPCLOAD_EVENTS_H_
#define RPCLOAD_EVENTS_H_

#include <timetrace/app.h>
#include <timetrace/rpclog.h>

#include "transport.h"

namespace rpcload {

TT_APP_EVENT(1, rpcload, send_call, "a message is handed to the transport", u8, role, "rpclog_role")
TT_APP_EVENT(8, rpcload, sent, "the call that sends has returned", u8, role, "rpclog_role", u8,
             transport, "rpclog_transport", u64, rpc_id, "id", u16, client_port, "port", u16,
             server_port, "port", u32, request, "bytes", u32, response, "bytes", u8, flags,
             "rpclog flags")
TT_APP_EVENT(1, rpcload, recv_call, "a message is asked for", u8, role, "rpclog_role")
TT_APP_EVENT(8, rpcload, received, "the call that receives has returned with a whole message", u8,
             role, "rpclog_role", u8, transport, "rpclog_transport", u64, rpc_id, "id", u16,
             client_port, "port", u16, server_port, "port", u32, request, "bytes", u32, response,
             "bytes", u8, flags, "rpclog flags")

inline uint8_t LogTransport(Protocol protocol) {
  return protocol == Protocol::kHoma  ? RPCLOG_HOMA
         : protocol == Protocol::kTcp ? RPCLOG_TCP
                                      : RPCLOG_UDP;
}

inline void TraceSent(rpclog_role role, Protocol protocol, const rpclog_record& r, int error) {
  tt_record_sent(role, LogTransport(protocol), r.rpc_id, r.client_port, r.server_port,
                 r.request_bytes, r.response_bytes,
                 static_cast<uint8_t>(r.flags | (error ? RPCLOG_ERROR : 0)));
}

inline void TraceReceived(rpclog_role role, Protocol protocol, const rpclog_record& r, int error) {
  tt_record_received(role, LogTransport(protocol), r.rpc_id, r.client_port, r.server_port,
                     r.request_bytes, r.response_bytes,
                     static_cast<uint8_t>(r.flags | (error ? RPCLOG_ERROR : 0)));
}

}  // namespace rpcload

#endif  // RPCLOAD_EVENTS_H_
