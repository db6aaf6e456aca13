// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_TIMELINE_HOSTS_H
#define HOMASCOPE_TIMELINE_HOSTS_H

#include <vector>

#include "base/result.h"
#include "model/rpc_log.h"
#include "model/trace.h"

namespace hs {

// What one host recorded: its trace, and RPC logs by the same clock.
struct HostRecords {
  Trace trace;
  std::vector<RpcLog> logs;
};

// The records of several hosts as if they were one, by the clock of the first (timeline/clocks.h). CPUs, threads
// and devices get numbers of their own. An error where a clock cannot be related to the first one's.
Result<HostRecords> MergeHosts(std::vector<HostRecords> hosts);

}  // namespace hs

#endif  // HOMASCOPE_TIMELINE_HOSTS_H
