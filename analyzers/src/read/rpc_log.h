// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_READ_RPC_LOG_H
#define HOMASCOPE_READ_RPC_LOG_H

#include <string>

#include "base/result.h"
#include "model/rpc_log.h"

namespace hs {

// Reads a file of timetrace/rpclog.h. A record cut off at the end is an
// error: a log that its writer did not finish cannot be counted on.
Result<RpcLog> ReadRpcLog(const std::string& path);

}  // namespace hs

#endif  // HOMASCOPE_READ_RPC_LOG_H
