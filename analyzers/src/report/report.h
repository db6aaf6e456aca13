// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_REPORT_REPORT_H
#define HOMASCOPE_REPORT_REPORT_H

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "attribute/attribute.h"
#include "model/trace.h"
#include "stats/histogram.h"
#include "stats/summary.h"

namespace hs {

// One tile or cause over all RPCs; RPCs without it count as 0.
struct Share {
  Summary ns;
  double share = 0;  // of the sum of all round trips
};

struct TileShare : Share {
  unsigned slot = 0;
};

// RPCs from the @from fastest fraction to the @to fastest. Percentiles of
// parts do not add up to the percentile of the whole; means within a band do.
struct Band {
  double from = 0;
  double to = 0;
  std::uint64_t rpcs = 0;
  double rtt_mean = 0;
  std::array<double, kCauses> cause_mean{};
};

// What all outputs are made from.
struct Report {
  std::string transport;
  std::string trace_path;
  std::string host;
  std::string release;
  std::string clock;
  Nanos record_cost = 0;
  ImportStats import;
  std::vector<HostClock> clocks;

  std::uint64_t seen = 0;
  std::uint64_t not_logged = 0;
  std::map<std::string, std::uint64_t> excluded;

  std::uint64_t rpcs = 0;
  Summary rtt;
  Histogram rtt_histogram;
  std::vector<TileShare> tiles;  // that occur, in order of the path
  std::array<Share, kCauses> causes;
  std::vector<Band> bands;
  double unexplained_p50 = 0;  // share of single RPCs
  double unexplained_p99 = 0;
  std::uint64_t sum_mismatches = 0;
  double remote_softirq_share = 0;  // of messages
  double third_cpu_share = 0;
  double cpu_changes = 0;  // mean per RPC
  double cpus = 0;
  double records_per_rpc = 0;
  bool kernel_events = false;  // those of packets on their way through it are in the trace
};

Report MakeReport(const Trace& trace, const RpcSet& set, const std::vector<RpcTiles>& rpcs);

}  // namespace hs

#endif  // HOMASCOPE_REPORT_REPORT_H
