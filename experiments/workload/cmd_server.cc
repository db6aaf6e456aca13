// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <stdio.h>

#include "command.h"
#include "options.h"
#include "report.h"

namespace rpcload {

int ServerCommand(int argc, char** argv) {
  CLI::App app("Answers requests until SIGTERM or SIGINT; prints READY when it accepts them.",
               "rpcload server");
  CommonOptions common;
  ServerOptions o;
  AddCommon(&app, &common, "--bind", "local address");
  app.add_flag("--per-connection", o.config.per_connection,
               "tcp: each thread blocks on one connection, instead of all on one epoll; needs a "
               "thread per connection");
  AddBatch(&app, &common);
  std::vector<Address> bind;
  int status = ParseCommon(&app, argc, argv, common, &bind);
  if (status >= 0) return status;
  if (std::string wrong = CheckBatch(common); !wrong.empty()) return Complain(wrong, 2);
  if (bind.size() > 1) return Complain("--bind takes one address", 2);
  o.config.bind = bind.front();

  o.protocol = common.protocol;
  o.config.threads = common.threads;
  o.config.batch = common.batch;
  o.verify = common.verify;
  if (o.config.per_connection && o.protocol != Protocol::kTcp)
    return Complain("--per-connection is for --transport tcp", 2);
  if (o.config.per_connection && o.config.batch > 1)
    return Complain("--batch and --per-connection exclude each other", 2);
  o.times = !common.rpclog.empty() || !common.json.empty();
  if (!common.rpclog.empty()) o.log_records = common.rpclog_max;

  std::string error;
  if (!StartTrace(common, &error)) return Complain(error, 1);
  Crew crew(o.config.threads);  // blocks the signals before anyone is told READY
  auto listener = MakeListener(o.protocol, o.config, &error);
  if (!listener) return Complain(error, 1);
  RunResult result = RunServer(o, listener.get(), &crew, [] {
    fmt::print("READY\n");
    fflush(stdout);
  });
  if (!WriteResults(common.json, ServerJson(o, result), common.rpclog,
                    RpclogBytes(o.protocol, RPCLOG_SERVER, result), &error))
    return Complain(error, 1);
  fmt::print("{}\n", Summary(o.protocol, "server", result));
  return result.fatal.empty() ? 0 : Complain(result.fatal, 1);
}

}  // namespace rpcload
