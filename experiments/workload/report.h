// SPDX-License-Identifier: Apache-2.0
// A finished run as JSON, as one line of text and as an rpclog file.
#ifndef RPCLOAD_REPORT_H_
#define RPCLOAD_REPORT_H_

#include <string>

#include "client.h"
#include "open_loop.h"
#include "server.h"

namespace rpcload {

const char* ProtocolName(Protocol protocol);

std::string ClientJson(const ClientOptions& options, const RunResult& result);
std::string OpenLoopJson(const OpenLoopOptions& options, const OpenLoopResult& result);
std::string ServerJson(const ServerOptions& options, const RunResult& result);

// "homa client: 1000 RPCs, 0 errors, ..."
std::string Summary(Protocol protocol, const char* role, const RunResult& result);

// Writes the files that are asked for ("": none). False with one line in *error.
bool WriteResults(const std::string& json_path, const std::string& json,
                  const std::string& rpclog_path, const std::string& rpclog, std::string* error);

// The rpclog of a run.
std::string RpclogBytes(Protocol protocol, rpclog_role role, const RunResult& result);

}  // namespace rpcload

#endif  // RPCLOAD_REPORT_H_
