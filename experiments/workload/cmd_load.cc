// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <fstream>
#include <sstream>

#include "command.h"
#include "open_loop.h"
#include "options.h"
#include "output.h"
#include "report.h"

namespace rpcload {
namespace {

std::string Csv(const std::vector<OpenLoopRpc>& rpcs) {
  std::string text = "due_ns,server,length_bytes,late_ns,latency_ns,error\n";
  for (const OpenLoopRpc& rpc : rpcs)
    text += fmt::format("{},{},{},{},{},{}\n", rpc.due_ns, rpc.server, rpc.length, rpc.late_ns,
                        rpc.latency_ns, rpc.error ? ErrnoName(rpc.error) : "");
  return text;
}

}  // namespace

int OpenLoopCommand(int argc, char** argv) {
  CLI::App app("Sends requests at random times, whatever is outstanding, and measures from when "
               "they were due.\nThe load is the payload a host sends: its requests and, if all "
               "hosts do the same, as many bytes of responses.",
               "rpcload load");
  CommonOptions common;
  OpenLoopOptions o;
  std::string workload, csv, error;
  double load = 0.5, link_gbps = 10, duration_s = 0, warmup_s = 0, timeout_s = 5;
  AddCommon(&app, &common, "--servers", "addresses of the servers, with commas");
  app.add_option("--workload", workload, "lengths and weights, see configs/workloads")
      ->required()
      ->type_name("FILE");
  app.add_option("--load", load, "share of the link's rate")
      ->check(CLI::Range(1e-6, 10.0).description(""))
      ->type_name("SHARE")
      ->capture_default_str();
  app.add_option("--link-gbps", link_gbps, "rate of the link")
      ->check(CLI::Range(1e-3, 1e4).description(""))
      ->type_name("GBPS")
      ->capture_default_str();
  app.add_option("--duration", duration_s, "time in which requests are due")
      ->required()
      ->check(CLI::Range(1e-6, 1e6).description(""))
      ->type_name("SECONDS");
  app.add_option("--warmup", warmup_s, "part of that time whose requests are not counted")
      ->check(CLI::Range(0.0, 1e6).description(""))
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("--outstanding", o.outstanding, "RPCs in flight per server; more wait")
      ->check(CLI::Range(1, 4096).description(""))
      ->type_name("M")
      ->capture_default_str();
  app.add_option("--timeout", timeout_s, "an RPC without answer fails after this time")
      ->check(CLI::Range(1e-3, 1e6).description(""))
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("--seed", o.seed, "of times, servers and lengths")
      ->type_name("S")
      ->capture_default_str();
  app.add_option("--csv", csv, "write every RPC that was counted or failed")->type_name("FILE");
  int status = ParseCommon(&app, argc, argv, common, &o.servers);
  if (status >= 0) return status;
  if (common.threads != 1) return Complain("load has one thread", 2);
  std::ifstream file(workload);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return Complain(fmt::format("cannot read {}", workload), 2);
  o.protocol = common.protocol;
  if (!LengthTable::Parse(text.str(), MaxMessage(o.protocol), &o.lengths, &error))
    return Complain(fmt::format("{}: {}", workload, error), 2);
  if (warmup_s >= duration_s) return Complain("--warmup leaves nothing of --duration", 2);
  o.verify = common.verify;
  o.duration_ns = static_cast<uint64_t>(duration_s * 1e9);
  o.warmup_ns = static_cast<uint64_t>(warmup_s * 1e9);
  o.timeout_ns = static_cast<uint64_t>(timeout_s * 1e9);
  o.interval_ns = 2 * o.lengths.MeanBytes() * 8 / (load * link_gbps);
  o.log = !common.rpclog.empty();
  o.log_records = common.rpclog_max;

  if (!StartTrace(common, &error)) return Complain(error, 1);
  Crew crew(1);
  OpenLoopResult result = RunOpenLoop(
      o, [&](const ClientConfig& config, std::string* e) { return MakeClient(o.protocol, config, e); },
      &crew);
  if (!WriteResults(common.json, OpenLoopJson(o, result), common.rpclog,
                    RpclogBytes(o.protocol, RPCLOG_CLIENT, result.run), &error) ||
      (!csv.empty() && !WriteFile(csv, Csv(result.rpcs), &error)))
    return Complain(error, 1);
  fmt::print("{}\n", Summary(o.protocol, "load", result.run));
  if (!result.run.fatal.empty()) return Complain(result.run.fatal, 1);
  return result.run.Total().errors() ? 1 : 0;
}

}  // namespace rpcload
