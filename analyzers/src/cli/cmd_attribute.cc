// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "attribute/attribute.h"
#include "cli/commands.h"
#include "read/app_log.h"
#include "read/rpc_log.h"
#include "read/timetrace.h"
#include "report/csv.h"
#include "report/json.h"
#include "report/report.h"
#include "report/table.h"
#include "timeline/hosts.h"
#include "timeline/rpc.h"
#include "timeline/timeline.h"

namespace hs {

namespace {

Result<Trace> ReadAll(const std::vector<std::string>& paths) {
  std::vector<Trace> traces;
  for (const std::string& path : paths) {
    auto trace = ReadTimetrace(path);
    if (!trace) return trace.error();
    traces.push_back(std::move(*trace));
  }
  if (traces.size() == 1) return std::move(traces.front());
  return MergeHosts(std::move(traces));
}

}  // namespace

int RunAttribute(const AttributeOptions& options) {
  const bool one_host = options.traces.size() == 1;
  if (!one_host && !options.rpc_logs.empty())
    return Fail(Error{"--rpclog: logs have the clock of one host; with traces of several they cannot be used"});
  auto trace = ReadAll(options.traces);
  if (!trace) return Fail(trace.error());
  std::vector<RpcLog> logs;
  for (const std::string& path : options.rpc_logs) {
    auto log = ReadRpcLog(path);
    if (!log) return Fail(log.error());
    logs.push_back(std::move(*log));
  }
  if (logs.empty() && one_host) {
    auto traced = ReadAppLogs(options.traces.front());
    if (!traced) return Fail(traced.error());
    logs = std::move(*traced);
  }
  const Timeline timeline(*trace);
  auto set = FindRpcs(timeline, logs);
  if (!set) return Fail(set.error());

  const std::vector<RpcTiles> rpcs = AttributeAll(timeline, *set);
  const Report report = MakeReport(*trace, *set, rpcs);
  fmt::print("{}", ToText(report));
  if (!options.json.empty())
    if (auto status = WriteFile(options.json, ToJson(report).dump(1) + "\n"); !status)
      return Fail(status.error());
  if (!options.csv.empty())
    if (auto status = WriteFile(options.csv, ToCsv(rpcs)); !status) return Fail(status.error());
  if (rpcs.empty())
    return Fail(Error{fmt::format(
        "{}: none of its {} RPCs can be explained; were the trace groups on, and are the RPC logs "
        "of the same run?",
        trace->path, set->seen)});
  return 0;
}

}  // namespace hs
