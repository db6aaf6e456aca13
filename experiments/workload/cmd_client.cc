// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "command.h"
#include "options.h"
#include "report.h"

namespace rpcload {

int ClientCommand(int argc, char** argv) {
  CLI::App app("Sends requests in a closed loop and measures their round trips.",
               "rpcload client");
  CommonOptions common;
  ClientOptions o;
  std::string length = "100", error;
  uint32_t response_length = 0;
  double duration_s = 0, timeout_s = 5;
  AddCommon(&app, &common, "--server", "address of the server, or several with commas");
  app.add_option("--length", length, "bytes of a request, MIN-MAX for uniformly random lengths")
      ->type_name("BYTES")
      ->capture_default_str();
  auto* response = app.add_option("--response-length", response_length,
                                  "bytes of a response (default: those of its request)");
  response->type_name("BYTES");
  app.add_option("--outstanding", o.outstanding, "RPCs in flight, over all threads")
      ->check(CLI::Range(1, 65536).description(""))
      ->type_name("M");
  auto* count = app.add_option("--count", o.count, "RPCs to measure, over all threads");
  count->check(CLI::Range(uint64_t{1}, uint64_t{1} << 50).description(""))->type_name("N")->capture_default_str();
  app.add_option("--duration", duration_s, "measure for this time instead of --count RPCs")
      ->excludes(count)
      ->check(CLI::Range(1e-3, 1e6).description(""))
      ->type_name("SECONDS");
  app.add_option("--warmup", o.warmup, "RPCs before the measured ones, over all threads")
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--timeout", timeout_s, "an RPC without answer fails after this time")
      ->check(CLI::Range(1e-3, 1e6).description(""))
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("--seed", o.seed, "of the random lengths")->type_name("S")->capture_default_str();
  AddBatch(&app, &common);
  int status = ParseCommon(&app, argc, argv, common, &o.servers);
  if (status >= 0) return status;
  if (std::string wrong = CheckBatch(common); !wrong.empty()) return Complain(wrong, 2);

  o.protocol = common.protocol;
  o.threads = common.threads;
  o.batch = common.batch;
  o.verify = common.verify;
  if (!app.count("--outstanding")) o.outstanding = o.threads;
  if (o.outstanding < o.threads)
    return Complain(fmt::format("--outstanding {} leaves some of {} threads without work",
                                o.outstanding, o.threads), 2);
  uint32_t limit = MaxMessage(o.protocol);
  if (!SizeRange::Parse(length, limit, &o.length, &error)) return Complain(error, 2);
  if (response->count()) {
    if (response_length < 1 || response_length > limit)
      return Complain(fmt::format("--response-length must be 1 to {}", limit), 2);
    bool fits = o.length.min >= kHeaderBytes ||
                (o.length.min == o.length.max && o.length.min == response_length);
    if (!fits)
      return Complain(fmt::format("requests below {} bytes are too short to ask for a "
                                  "--response-length; make --length at least {}",
                                  kHeaderBytes, kHeaderBytes), 2);
    o.response_length = response_length;
  }
  if (duration_s > 0) {
    o.count = 0;
    o.duration_ns = static_cast<uint64_t>(duration_s * 1e9);
  }
  o.timeout_ns = static_cast<uint64_t>(timeout_s * 1e9);
  o.log = !common.rpclog.empty();
  o.log_records = common.rpclog_max;
  if (o.count) o.log_records = std::min<size_t>(o.log_records, 2 * (o.count + o.warmup));

  if (!StartTrace(common, &error)) return Complain(error, 1);
  Crew crew(o.threads);
  RunResult result = RunClient(
      o, [&](const ClientConfig& config, std::string* e) { return MakeClient(o.protocol, config, e); },
      &crew);
  if (result.threads.empty()) return Complain(result.fatal, 1);
  if (!WriteResults(common.json, ClientJson(o, result), common.rpclog,
                    RpclogBytes(o.protocol, RPCLOG_CLIENT, result), &error))
    return Complain(error, 1);
  fmt::print("{}\n", Summary(o.protocol, "client", result));
  if (!result.fatal.empty()) return Complain(result.fatal, 1);
  return result.Total().errors() ? 1 : 0;
}

}  // namespace rpcload
