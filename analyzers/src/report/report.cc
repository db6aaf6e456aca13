// SPDX-License-Identifier: Apache-2.0
#include "report/report.h"

#include <algorithm>
#include <numeric>

namespace hs {
namespace {

std::array<Nanos, kCauses> CauseSums(const RpcTiles& rpc) {
  std::array<Nanos, kCauses> sums{};
  for (unsigned slot = 0; slot < kSlots; slot++)
    sums[static_cast<unsigned>(SlotCause(slot))] += rpc.ns[slot];
  return sums;
}

double Ratio(double part, double whole) { return whole > 0 ? part / whole : 0; }

Share MakeShare(std::vector<Nanos> values, Nanos rtt_sum) {
  Share share;
  share.ns = Summarise(std::move(values));
  share.share = Ratio(static_cast<double>(share.ns.sum), static_cast<double>(rtt_sum));
  return share;
}

std::vector<Band> MakeBands(const std::vector<RpcTiles>& rpcs) {
  std::vector<std::size_t> order(rpcs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return rpcs[a].rtt != rpcs[b].rtt ? rpcs[a].rtt < rpcs[b].rtt : a < b;
  });
  constexpr double kEdges[] = {0, 0.5, 0.9, 0.99, 1};
  std::vector<Band> bands;
  for (std::size_t b = 0; b + 1 < std::size(kEdges); b++) {
    Band band;
    band.from = kEdges[b];
    band.to = kEdges[b + 1];
    const auto count = static_cast<double>(rpcs.size());
    const auto first = static_cast<std::size_t>(band.from * count + 0.5);
    const auto last = static_cast<std::size_t>(band.to * count + 0.5);
    band.rpcs = last - first;
    std::array<Nanos, kCauses> sums{};
    Nanos rtt = 0;
    for (std::size_t i = first; i < last; i++) {
      const auto one = CauseSums(rpcs[order[i]]);
      for (unsigned c = 0; c < kCauses; c++) sums[c] += one[c];
      rtt += rpcs[order[i]].rtt;
    }
    band.rtt_mean = Ratio(static_cast<double>(rtt), static_cast<double>(band.rpcs));
    for (unsigned c = 0; c < kCauses; c++)
      band.cause_mean[c] = Ratio(static_cast<double>(sums[c]), static_cast<double>(band.rpcs));
    bands.push_back(band);
  }
  return bands;
}

}  // namespace

Report MakeReport(const Trace& trace, const RpcSet& set, const std::vector<RpcTiles>& rpcs) {
  Report report;
  report.transport = TransportName(set.transport);
  report.trace_path = trace.path;
  report.host = trace.host;
  report.release = trace.release;
  report.clock = trace.clock;
  report.record_cost = trace.record_cost;
  report.import = trace.stats;
  report.clocks = trace.clocks;
  report.kernel_events = trace.has(Kind::net_dev_queue) && trace.has(Kind::softirq_entry);
  report.seen = set.seen;
  report.not_logged = set.not_logged;
  report.excluded = set.excluded;
  report.rpcs = rpcs.size();

  std::vector<Nanos> rtts;
  std::vector<Nanos> unexplained_ppm;
  std::array<std::vector<Nanos>, kCauses> causes;
  std::uint64_t softirqs = 0;
  std::uint64_t remote = 0;
  std::uint64_t third = 0;
  for (const RpcTiles& rpc : rpcs) {
    rtts.push_back(rpc.rtt);
    report.rtt_histogram.Add(rpc.rtt);
    const auto sums = CauseSums(rpc);
    for (unsigned c = 0; c < kCauses; c++) causes[c].push_back(sums[c]);
    if (std::accumulate(rpc.ns.begin(), rpc.ns.end(), Nanos{0}) != rpc.rtt)
      report.sum_mismatches++;
    const Nanos unexplained = sums[static_cast<unsigned>(Cause::unexplained)];
    unexplained_ppm.push_back(rpc.rtt > 0 ? unexplained * 1000000 / rpc.rtt : 0);
    softirqs += rpc.softirqs;
    remote += rpc.remote_softirqs;
    third += rpc.third_softirqs;
    report.cpu_changes += rpc.cpu_changes;
    report.cpus += rpc.cpus;
    report.records_per_rpc += rpc.records;
  }
  report.rtt = Summarise(std::move(rtts));
  const Summary unexplained = Summarise(std::move(unexplained_ppm));
  report.unexplained_p50 = static_cast<double>(unexplained.p50) / 1e6;
  report.unexplained_p99 = static_cast<double>(unexplained.p99) / 1e6;
  report.remote_softirq_share = Ratio(static_cast<double>(remote), static_cast<double>(softirqs));
  report.third_cpu_share = Ratio(static_cast<double>(third), static_cast<double>(softirqs));
  report.cpu_changes = Ratio(report.cpu_changes, static_cast<double>(rpcs.size()));
  report.records_per_rpc = Ratio(report.records_per_rpc, static_cast<double>(rpcs.size()));
  report.cpus = Ratio(report.cpus, static_cast<double>(rpcs.size()));

  std::vector<Nanos> values(rpcs.size());
  for (unsigned slot = 0; slot < kSlots; slot++) {
    std::transform(rpcs.begin(), rpcs.end(), values.begin(),
                   [&](const RpcTiles& rpc) { return rpc.ns[slot]; });
    const bool occurs = std::any_of(values.begin(), values.end(), [](Nanos ns) { return ns > 0; });
    if (!occurs && SlotTile(slot) != Tile::unexplained) continue;
    TileShare tile;
    static_cast<Share&>(tile) = MakeShare(values, report.rtt.sum);
    tile.slot = slot;
    report.tiles.push_back(tile);
  }
  for (unsigned c = 0; c < kCauses; c++)
    report.causes[c] = MakeShare(std::move(causes[c]), report.rtt.sum);
  report.bands = MakeBands(rpcs);
  return report;
}

}  // namespace hs
