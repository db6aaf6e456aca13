// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_TIMELINE_RPC_H
#define HOMASCOPE_TIMELINE_RPC_H

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/nanos.h"
#include "base/result.h"
#include "model/rpc_log.h"
#include "timeline/timeline.h"

namespace hs {

// One direction of an RPC: the request or the response. What is not known
// (no log at that side) is empty.
struct Message {
  Nanos begin = 0;  // of the time this message accounts for
  Nanos end = 0;
  bool at_call = false;    // begin is the application's send call, not an event inside it
  bool at_return = false;  // end is the return of the application's receive call
  std::uint64_t sender_id = 0;  // Homa
  std::uint16_t source_port = 0;
  std::uint16_t dest_port = 0;
  std::uint32_t send_tid = 0;  // 0: unknown
  std::uint32_t recv_tid = 0;
  std::optional<Nanos> recv_call;  // when the application asked for the message
  std::optional<Nanos> earlier_return;  // of the send call the receiver made before that
};

// An RPC whose round trip [request.begin, response.end] is to be explained.
// The server's application has it in [request.end, response.begin]; without
// a server side the request extends to the end.
struct Rpc {
  std::uint64_t id = 0;
  Nanos start = 0;
  Nanos end = 0;
  bool has_server = false;
  Message request;
  Message response;
};

// Every RPC seen is in @rpcs or counted under the reason it was excluded for.
struct RpcSet {
  Transport transport = Transport::kHoma;
  std::uint64_t seen = 0;
  std::vector<Rpc> rpcs;
  std::map<std::string, std::uint64_t> excluded;
  std::uint64_t not_logged = 0;  // RPCs the application did not log
};

// Pairs the sides of every RPC. Without logs the RPCs are those of Homa's own
// events; TCP and UDP need the logs of both sides.
Result<RpcSet> FindRpcs(const Timeline& timeline, std::span<const RpcLog> logs);

}  // namespace hs

#endif  // HOMASCOPE_TIMELINE_RPC_H
