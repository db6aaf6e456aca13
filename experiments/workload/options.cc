// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <errno.h>
#include <fmt/core.h>
#include <timetrace/app.h>

#include <map>

namespace rpcload {

int Complain(const std::string& line, int status) {
  fmt::print(stderr, "rpcload: {}\n", line);
  return status;
}

void AddCommon(CLI::App* app, CommonOptions* o, const char* address_option,
               const char* address_help) {
  static const std::map<std::string, Protocol> protocols = {
      {"homa", Protocol::kHoma}, {"tcp", Protocol::kTcp}, {"udp", Protocol::kUdp}};
  app->add_option("--transport", o->protocol, "homa, tcp or udp")
      ->required()
      ->transform(CLI::Transformer(protocols).description(""))
      ->type_name("NAME")
      ->check([](const std::string& value) {
        // The transformer has turned known names into numbers.
        bool known = value.size() == 1 && value[0] >= '0' && value[0] <= '2';
        return known ? "" : "'" + value + "' is not homa, tcp or udp";
      });
  app->add_option(address_option, o->address, address_help)->required()->type_name("ADDR");
  app->add_option("--port", o->port, "port of the server")
      ->required()
      ->check(CLI::Range(1, 65535).description(""))
      ->type_name("PORT");
  app->add_option("--threads", o->threads, "threads")
      ->check(CLI::Range(1, 1024).description(""))
      ->type_name("N")
      ->capture_default_str();
  app->add_flag("--verify", o->verify, "compare every byte received");
  app->add_option("--rpclog", o->rpclog, "write the times of every RPC (timetrace/rpclog.h)")
      ->type_name("FILE");
  app->add_option("--rpclog-max", o->rpclog_max, "records kept for --rpclog, the newest ones")
      ->check(CLI::Range(1, 100000000).description(""))
      ->type_name("N")
      ->capture_default_str();
  app->add_flag("--trace", o->trace, "record every call in the trace of the kernel (timetrace.ko)");
  app->add_option("--json", o->json, "write options, counts and latencies")->type_name("FILE");
}

void AddBatch(CLI::App* app, CommonOptions* o) {
  app->add_option("--batch", o->batch,
                  "homa: messages that one call receives, if they are there, and answers told to be "
                  "followed by others; tcp: connections that one epoll_wait tells")
      ->check(CLI::Range(1, 1024).description(""))
      ->type_name("N")
      ->capture_default_str();
}

std::string CheckBatch(const CommonOptions& o) {
  if (o.batch == 1) return "";
  if (o.protocol == Protocol::kUdp) return "--batch is for --transport homa or tcp";
  return "";
}

bool StartTrace(const CommonOptions& options, std::string* error) {
  constexpr size_t kRingBytes = 1 << 20;  // of each thread: the last 10000 RPCs
  int status = options.trace ? tt_app_start(kRingBytes) : 0;
  if (!status) return true;
  *error = status == -ENOENT ? "--trace: timetrace.ko is not loaded; insmod it first"
                             : ErrnoText("--trace", -status);
  return false;
}

int ParseCommon(CLI::App* app, int argc, char** argv, const CommonOptions& options,
                std::vector<Address>* addresses) {
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app->exit(e);
    return Complain(fmt::format("{}; see rpcload {} --help", e.what(), argv[0]), 2);
  }
  if (!ParseAddresses(options.address, options.port, addresses))
    return Complain(fmt::format("'{}' is not a numeric IPv4 or IPv6 address{}", options.address,
                                options.address.find(',') == std::string::npos ? "" :
                                ", nor a list of such of one family"), 2);
  return -1;
}

}  // namespace rpcload
