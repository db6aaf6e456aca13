// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_READ_APP_LOG_H
#define HOMASCOPE_READ_APP_LOG_H

#include <string>
#include <vector>

#include "base/result.h"
#include "model/rpc_log.h"

namespace hs {

// The RPC logs that are in a dump as events of rpcload (--trace): one of the
// clients and one of the servers for each transport; none without such events.
// RPCs of which a call or a return is missing are counted as dropped.
Result<std::vector<RpcLog>> ReadAppLogs(const std::string& path);

}  // namespace hs

#endif  // HOMASCOPE_READ_APP_LOG_H
