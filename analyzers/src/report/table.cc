// SPDX-License-Identifier: Apache-2.0
#include "report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

namespace hs {
namespace {

template <typename... Args>
void Put(std::string& text, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
}

double Us(double ns) { return ns / 1e3; }
double Us(Nanos ns) { return static_cast<double>(ns) / 1e3; }

std::string Bar(double share, double full) {
  constexpr double kWidth = 24;
  const double length = full > 0 ? std::abs(share) / full * kWidth : 0;
  return std::string(static_cast<std::size_t>(std::lround(length)), '#');
}

std::string LossText(const ImportStats& import) {
  std::string text;
  for (const auto& [reason, count] : import.lost)
    if (count > 0 && reason != "frozen" && reason != "overwritten")
      Put(text, "{}{} {}{}", text.empty() ? "" : ", ", count,
          reason == "damaged bytes" ? "" : "records ", reason);
  if (!import.damage.empty()) Put(text, "{}{}", text.empty() ? "" : "; ", import.damage);
  return text;
}

void PutHead(std::string& text, const Report& report) {
  const std::string losses = LossText(report.import);
  if (losses.empty())
    Put(text, "no data lost: {} records", report.import.records);
  else
    Put(text, "DATA LOST: {}; {} of {} records read", losses, report.import.records,
        report.import.produced);
  if (const auto frozen = report.import.lost.find("frozen");
      frozen != report.import.lost.end() && frozen->second > 0)
    Put(text, "; {} more came after the freeze", frozen->second);
  // A flight recorder keeps the newest: that is how it works, and no damage.
  if (const auto older = report.import.lost.find("overwritten");
      older != report.import.lost.end() && older->second > 0)
    Put(text, "; {} older ones were not kept", older->second);
  Put(text, "\n");
  Put(text, "{} over {}: {} RPCs seen, {} explained", report.trace_path, report.transport,
      report.seen, report.rpcs);
  const char* separator = "; excluded: ";
  for (const auto& [reason, count] : report.excluded) {
    Put(text, "{}{} {}", separator, count, reason);
    separator = ", ";
  }
  if (report.not_logged > 0) Put(text, "; {} more not logged", report.not_logged);
  Put(text, "\n");
  for (const HostClock& clock : report.clocks)
    Put(text,
        "clock of {}: {:+.3f} us from the first host's, {:+.2f} ppm, at most {:.3f} us more or less; so may network tiles be\n",
        clock.host, Us(clock.ahead), clock.drift_ppm, Us(clock.uncertainty));
  if (report.sum_mismatches > 0)
    Put(text, "DEFECT: the tiles of {} RPCs do not add up; please report this\n",
        report.sum_mismatches);
}

void PutTiles(std::string& text, const Report& report) {
  double full = 0;
  for (const TileShare& tile : report.tiles) full = std::max(full, tile.share);
  Put(text, "\n{:<22} {:<12} {:<8} {:>9} {:>9} {:>9} {:>7}\n", "segment", "cause", "side", "P50 us",
      "P99 us", "mean us", "share");
  for (const TileShare& tile : report.tiles) {
    Put(text, "{:<22} {:<12} {:<8} {:>9.2f} {:>9.2f} {:>9.2f} {:>6.1f}%  {}\n",
        SlotName(tile.slot), Info(SlotCause(tile.slot)).name, SlotSide(tile.slot), Us(tile.ns.p50),
        Us(tile.ns.p99), Us(tile.ns.mean), 100 * tile.share, Bar(tile.share, full));
  }
  Put(text, "{:<22} {:<12} {:<8} {:>9.2f} {:>9.2f} {:>9.2f} {:>6.1f}%\n", "round trip", "", "",
      Us(report.rtt.p50), Us(report.rtt.p99), Us(report.rtt.mean), 100.0);
}

std::string BandName(const Band& band) {
  return fmt::format("{:.0f}-{:.0f}%", 100 * band.from, 100 * band.to);
}

// Means by cause in bands of RPCs: unlike percentiles they add up.
void PutBands(std::string& text, const Report& report) {
  std::vector<unsigned> order(kCauses);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](unsigned a, unsigned b) {
    return report.causes[a].ns.sum > report.causes[b].ns.sum;
  });
  Put(text, "\n{:<12} {:>9} {:>7}", "cause", "mean us", "share");
  for (const Band& band : report.bands) Put(text, " {:>9}", BandName(band));
  Put(text, "   of the RPCs, fastest first; means in us\n");
  for (unsigned c : order) {
    const Share& cause = report.causes[c];
    if (cause.ns.sum == 0 && static_cast<Cause>(c) != Cause::unexplained) continue;
    Put(text, "{:<12} {:>9.2f} {:>6.1f}%", Info(static_cast<Cause>(c)).name, Us(cause.ns.mean),
        100 * cause.share);
    for (const Band& band : report.bands) Put(text, " {:>9.2f}", Us(band.cause_mean[c]));
    Put(text, "   {}\n", Info(static_cast<Cause>(c)).meaning);
  }
  Put(text, "{:<12} {:>9.2f} {:>6.1f}%", "round trip", Us(report.rtt.mean), 100.0);
  for (const Band& band : report.bands) Put(text, " {:>9.2f}", Us(band.rtt_mean));
  Put(text, "\n");
}

void PutSlowest(std::string& text, const Report& report) {
  const Band& fast = report.bands.front();
  auto slow = std::find_if(report.bands.rbegin(), report.bands.rend(),
                           [](const Band& band) { return band.rpcs > 0; });
  const double more = slow->rtt_mean - fast.rtt_mean;
  if (fast.rpcs == 0 || slow->from == fast.from || more <= 0) return;
  std::vector<std::pair<double, Cause>> parts;
  for (unsigned c = 0; c < kCauses; c++)
    parts.emplace_back(slow->cause_mean[c] - fast.cause_mean[c], static_cast<Cause>(c));
  std::sort(parts.rbegin(), parts.rend());
  Put(text, "\nThe slowest ({}, {} RPCs) take {:.2f} us more than the fastest half:", BandName(*slow),
      slow->rpcs, Us(more));
  const char* separator = " ";
  for (const auto& [ns, cause] : parts) {
    if (ns < 0.05 * more) break;
    Put(text, "{}{} {:+.2f} us ({:.0f}%)", separator, Info(cause).name, Us(ns), 100 * ns / more);
    separator = ", ";
  }
  Put(text, ".\n");
}

void PutItems(std::string& text, const std::vector<Difference::Item>& items, double rtt) {
  double full = 0;
  for (const auto& item : items) full = std::max(full, std::abs(item.difference()));
  for (const auto& item : items) {
    Put(text, "{:<22} {:>9.2f} {:>9.2f} {:>+9.2f}", item.name, Us(item.from), Us(item.to),
        Us(item.difference()));
    if (rtt != 0) Put(text, " {:>6.0f}%", 100 * item.difference() / rtt);
    Put(text, "  {}\n", Bar(item.difference(), full));
  }
}

}  // namespace

std::string ToText(const Report& report) {
  std::string text;
  PutHead(text, report);
  if (report.rpcs == 0) return text;
  Put(text, "round trip: P50 {:.2f} us, P90 {:.2f}, P99 {:.2f}, min {:.2f}, max {:.2f}, mean {:.2f}\n",
      Us(report.rtt.p50), Us(report.rtt.p90), Us(report.rtt.p99), Us(report.rtt.min),
      Us(report.rtt.max), Us(report.rtt.mean));
  PutTiles(text, report);
  PutBands(text, report);
  PutSlowest(text, report);
  Put(text,
      "\nUnexplained: {:.2f}% of all time; of one RPC {:.2f}% at the median, {:.2f}% at P99.\n"
      "Softirq on another CPU than the sender: {:.1f}% of messages; on a third CPU: {:.1f}%. "
      "CPUs per RPC: {:.2f}, changes of CPU on its path: {:.2f}.\n"
      "Tracer: {:.1f} records per RPC of {} ns, in all {:.2f} us on all CPUs; the times above "
      "include it.\n",
      100 * report.causes[static_cast<unsigned>(Cause::unexplained)].share,
      100 * report.unexplained_p50, 100 * report.unexplained_p99,
      100 * report.remote_softirq_share, 100 * report.third_cpu_share, report.cpus,
      report.cpu_changes, report.records_per_rpc, report.record_cost,
      Us(report.records_per_rpc * static_cast<double>(report.record_cost)));
  if (!report.kernel_events)
    text += "The kernel's own events are not in the trace; with its groups irq, softirq, napi, net and sched on, less is "
            "unexplained.\n";
  return text;
}

std::string ToText(const Comparison& comparison) {
  std::string text;
  for (const Difference& difference : comparison.differences) {
    const Arm& from = comparison.arms[difference.from];
    const Arm& to = comparison.arms[difference.to];
    if (!text.empty()) text += '\n';
    Put(text, "A {}: {}, {} RPCs, mean {:.2f} us\nB {}: {}, {} RPCs, mean {:.2f} us\n", from.path,
        from.transport, from.rpcs, Us(from.rtt_mean), to.path, to.transport, to.rpcs,
        Us(to.rtt_mean));
    Put(text, "\n{:<22} {:>9} {:>9} {:>9} {:>7}   means in us\n", "cause", "A", "B", "B - A",
        "of it");
    PutItems(text, difference.causes, difference.rtt);
    Put(text, "{:<22} {:>9.2f} {:>9.2f} {:>+9.2f}\n", "round trip", Us(from.rtt_mean),
        Us(to.rtt_mean), Us(difference.rtt));
    Put(text, "\n{:<22} {:>9} {:>9} {:>9}\n", "segment", "A", "B", "B - A");
    PutItems(text, difference.tiles, difference.rtt);
  }
  return text;
}

}  // namespace hs
