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

// The RPC logs that were given, else what rpcload recorded in the traces, with those of the same host.
Status AddLogs(const AttributeOptions& options, std::vector<HostRecords>& hosts) {
  for (const std::string& path : options.rpc_logs) {
    auto log = ReadRpcLog(path);
    if (!log) return log.error();
    HostRecords* found = hosts.size() == 1 ? &hosts.front() : nullptr;
    if (!found)
      for (HostRecords& host : hosts)
        if (host.trace.host == log->host) {
          if (found)
            return Error{fmt::format("{}: written on {}, as two of the traces are", path, log->host)};
          found = &host;
        }
    if (!found) return Error{fmt::format("{}: written on {}, of which there is no trace", path, log->host)};
    found->logs.push_back(std::move(*log));
  }
  if (!options.rpc_logs.empty()) return {};
  bool clients = false;
  for (std::size_t i = 0; i < hosts.size(); i++) {
    auto traced = ReadAppLogs(options.traces[i]);
    if (!traced) return traced.error();
    hosts[i].logs = std::move(*traced);
    for (const RpcLog& log : hosts[i].logs) clients |= log.client;
  }
  // Where only servers were traced, Homa's own events are there still.
  if (hosts.size() > 1 && !clients)
    for (HostRecords& host : hosts) host.logs.clear();
  return {};
}

Result<HostRecords> ReadAll(const AttributeOptions& options) {
  std::vector<HostRecords> hosts;
  for (const std::string& path : options.traces) {
    auto trace = ReadTimetrace(path);
    if (!trace) return trace.error();
    hosts.push_back({std::move(*trace), {}});
  }
  if (auto status = AddLogs(options, hosts); !status) return status.error();
  if (hosts.size() == 1) return std::move(hosts.front());
  return MergeHosts(std::move(hosts));
}

}  // namespace

int RunAttribute(const AttributeOptions& options) {
  auto records = ReadAll(options);
  if (!records) return Fail(records.error());
  const auto& [trace, logs] = *records;
  const Timeline timeline(trace);
  auto set = FindRpcs(timeline, logs);
  if (!set) return Fail(set.error());

  const std::vector<RpcTiles> rpcs = AttributeAll(timeline, *set);
  const Report report = MakeReport(trace, *set, rpcs);
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
        trace.path, set->seen)});
  return 0;
}

}  // namespace hs
