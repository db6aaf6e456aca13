// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "events.h"
#include "output.h"

namespace rpcload {
namespace {

using nlohmann::ordered_json;

ordered_json LatencyJson(const Histogram& h) {
  return {{"p50", h.Quantile(0.5)}, {"p90", h.Quantile(0.9)}, {"p99", h.Quantile(0.99)},
          {"p999", h.Quantile(0.999)}, {"min", h.min()}, {"max", h.max()}, {"mean", h.mean()}};
}

ordered_json HistogramJson(const Histogram& h) {
  ordered_json buckets = ordered_json::array();
  for (const Histogram::Bucket& b : h.Buckets()) buckets.push_back({b.low, b.high, b.count});
  return {{"unit", "ns"}, {"columns", {"low", "high", "count"}}, {"buckets", buckets}};
}

std::string RunJson(const char* role, ordered_json options, const RunResult& result) {
  Recorder total = result.Total();
  ordered_json json = {
      {"version", 1},
      {"role", role},
      {"options", std::move(options)},
      {"rpcs", total.rpcs()},
      {"errors", total.errors()},
      {"errors_by_name", total.ErrorsByName()},
      {"interrupted", result.interrupted},
      {"fatal", result.fatal.empty() ? ordered_json() : ordered_json(result.fatal)},
      {"elapsed_ns", result.elapsed_ns},
      {"request_bytes", total.request_bytes()},
      {"response_bytes", total.response_bytes()},
      {"latency_ns", LatencyJson(total.latency())},
      {"histogram", HistogramJson(total.latency())},
  };
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

const char* ProtocolName(Protocol protocol) {
  switch (protocol) {
    case Protocol::kHoma:
      return "homa";
    case Protocol::kTcp:
      return "tcp";
    case Protocol::kUdp:
      return "udp";
  }
  return "?";
}

std::string ClientJson(const ClientOptions& o, const RunResult& result) {
  ordered_json options = {
      {"transport", ProtocolName(o.protocol)},
      {"server", AddressTexts(o.servers)},
      {"length_min", o.length.min},
      {"length_max", o.length.max},
      {"response_length", nullptr},  // null: that of the request
      {"outstanding", o.outstanding},
      {"batch", o.batch},
      {"threads", o.threads},
      {"count", o.count},
      {"duration_s", static_cast<double>(o.duration_ns) * 1e-9},
      {"warmup", o.warmup},
      {"timeout_s", static_cast<double>(o.timeout_ns) * 1e-9},
      {"seed", o.seed},
      {"verify", o.verify},
      {"rpclog", o.log},
  };
  if (o.response_length) options["response_length"] = *o.response_length;
  return RunJson("client", options, result);
}

std::string OpenLoopJson(const OpenLoopOptions& o, const OpenLoopResult& result) {
  ordered_json servers = ordered_json::array();
  for (const Address& server : o.servers) servers.push_back(server.Text());
  return RunJson("load",
                 {{"transport", ProtocolName(o.protocol)},
                  {"servers", servers},
                  {"length_mean", o.lengths.MeanBytes()},
                  {"interval_ns", o.interval_ns},
                  {"outstanding", o.outstanding},
                  {"duration_s", static_cast<double>(o.duration_ns) * 1e-9},
                  {"warmup_s", static_cast<double>(o.warmup_ns) * 1e-9},
                  {"timeout_s", static_cast<double>(o.timeout_ns) * 1e-9},
                  {"seed", o.seed},
                  {"verify", o.verify},
                  {"rpclog", o.log},
                  {"due_bytes", result.due_bytes}},
                 result.run);
}

std::string ServerJson(const ServerOptions& o, const RunResult& result) {
  return RunJson("server",
                 {{"transport", ProtocolName(o.protocol)},
                  {"bind", o.config.bind.Text()},
                  {"threads", o.config.threads},
                  {"per_connection", o.config.per_connection},
                  {"batch", o.config.batch},
                  {"verify", o.verify},
                  {"rpclog", o.log_records > 0}},
                 result);
}

std::string Summary(Protocol protocol, const char* role, const RunResult& result) {
  Recorder total = result.Total();
  const Histogram& h = total.latency();
  auto us = [](uint64_t ns) { return static_cast<double>(ns) * 1e-3; };
  std::string line = fmt::format("{} {}: {} RPCs, {} errors in {:.3f} s", ProtocolName(protocol),
                                 role, total.rpcs(), total.errors(),
                                 static_cast<double>(result.elapsed_ns) * 1e-9);
  if (total.rpcs())
    line += fmt::format("; us: p50 {:.2f}, p99 {:.2f}, p99.9 {:.2f}, max {:.2f}",
                        us(h.Quantile(0.5)), us(h.Quantile(0.99)), us(h.Quantile(0.999)),
                        us(h.max()));
  for (const auto& [name, count] : total.ErrorsByName())
    line += fmt::format("; {} x {}", count, name);
  return line;
}

bool WriteResults(const std::string& json_path, const std::string& json,
                  const std::string& rpclog_path, const std::string& rpclog, std::string* error) {
  return (rpclog_path.empty() || WriteFile(rpclog_path, rpclog, error)) &&
         (json_path.empty() || WriteFile(json_path, json, error));
}

std::string RpclogBytes(Protocol protocol, rpclog_role role, const RunResult& result) {
  return EncodeRpclog(role, static_cast<rpclog_transport>(LogTransport(protocol)), result.threads);
}

}  // namespace rpcload
