// SPDX-License-Identifier: Apache-2.0
#include "report/json.h"

#include <nlohmann/json.hpp>

namespace hs {
namespace {

using Json = nlohmann::ordered_json;

void PutShare(Json& json, const Share& share) {
  json["p50_ns"] = share.ns.p50;
  json["p99_ns"] = share.ns.p99;
  json["mean_ns"] = share.ns.mean;
  json["sum_ns"] = share.ns.sum;
  json["share"] = share.share;
}

Json TraceJson(const Report& report) {
  const ImportStats& import = report.import;
  Json clocks = Json::array();
  for (const HostClock& clock : report.clocks)
    clocks.push_back({{"host", clock.host}, {"ahead_ns", clock.ahead}, {"drift_ppm", clock.drift_ppm}, {"uncertainty_ns", clock.uncertainty}});
  return {{"path", report.trace_path},     {"host", report.host},
          {"release", report.release},     {"clock", report.clock},
          {"records", import.records},     {"produced", import.produced},
          {"lost", import.lost},           {"unused", import.unused},
          {"reordered", import.reordered}, {"damage", import.damage},
          {"record_cost_ns", report.record_cost}, {"clocks", clocks}};
}

}  // namespace

Json ToJson(const Report& report) {
  Json json;
  json["version"] = 1;
  json["transport"] = report.transport;
  json["trace"] = TraceJson(report);
  json["seen"] = report.seen;
  json["rpcs"] = report.rpcs;
  json["excluded"] = report.excluded;
  json["not_logged"] = report.not_logged;
  json["rtt_ns"] = {{"p50", report.rtt.p50}, {"p90", report.rtt.p90},   {"p99", report.rtt.p99},
                    {"min", report.rtt.min}, {"max", report.rtt.max},   {"mean", report.rtt.mean},
                    {"sum", report.rtt.sum}};
  Json& histogram = json["rtt_histogram"] = Json::array();
  for (const auto& bucket : report.rtt_histogram.Buckets())
    histogram.push_back({bucket.low, bucket.high, bucket.count});

  Json& tiles = json["tiles"] = Json::array();
  for (const TileShare& tile : report.tiles) {
    Json item;
    item["name"] = SlotName(tile.slot);
    item["cause"] = Info(SlotCause(tile.slot)).name;
    item["side"] = SlotSide(tile.slot);
    item["direction"] = SlotDirection(tile.slot);
    PutShare(item, tile);
    tiles.push_back(item);
  }
  Json& causes = json["causes"] = Json::array();
  for (unsigned c = 0; c < kCauses; c++) {
    Json item;
    item["name"] = Info(static_cast<Cause>(c)).name;
    PutShare(item, report.causes[c]);
    causes.push_back(item);
  }
  Json& bands = json["bands"] = Json::array();
  for (const Band& band : report.bands) {
    Json means;
    for (unsigned c = 0; c < kCauses; c++)
      means[std::string(Info(static_cast<Cause>(c)).name)] = band.cause_mean[c];
    bands.push_back({{"from", band.from},
                     {"to", band.to},
                     {"rpcs", band.rpcs},
                     {"rtt_mean_ns", band.rtt_mean},
                     {"causes", means}});
  }
  json["unexplained_share"] = report.causes[static_cast<unsigned>(Cause::unexplained)].share;
  json["unexplained_rpc_share"] = {{"p50", report.unexplained_p50},
                                   {"p99", report.unexplained_p99}};
  json["sum_mismatches"] = report.sum_mismatches;
  json["remote_softirq_share"] = report.remote_softirq_share;
  json["third_cpu_softirq_share"] = report.third_cpu_share;
  json["handoff_cpu_changes"] = report.cpu_changes;
  json["cpus_touched_mean"] = report.cpus;
  json["tracer"] = {{"records_per_rpc", report.records_per_rpc},
                    {"cost_per_rpc_ns",
                     report.records_per_rpc * static_cast<double>(report.record_cost)}};
  return json;
}

Json ToJson(const Comparison& comparison) {
  Json json;
  json["version"] = 1;
  json["arms"] = Json::array();
  for (const Arm& arm : comparison.arms)
    json["arms"].push_back({{"path", arm.path},
                            {"transport", arm.transport},
                            {"rpcs", arm.rpcs},
                            {"rtt_mean_ns", arm.rtt_mean}});
  json["differences"] = Json::array();
  for (const Difference& difference : comparison.differences) {
    Json item;
    item["from"] = difference.from;
    item["to"] = difference.to;
    item["rtt_mean_ns"] = difference.rtt;
    auto list = [](const std::vector<Difference::Item>& items) {
      Json array = Json::array();
      for (const Difference::Item& i : items)
        array.push_back({{"name", i.name},
                         {"from_mean_ns", i.from},
                         {"to_mean_ns", i.to},
                         {"difference_ns", i.difference()}});
      return array;
    };
    item["causes"] = list(difference.causes);
    item["tiles"] = list(difference.tiles);
    json["differences"].push_back(item);
  }
  return json;
}

}  // namespace hs
