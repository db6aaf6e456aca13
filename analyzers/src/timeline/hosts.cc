// SPDX-License-Identifier: Apache-2.0
#include "timeline/hosts.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "timeline/clocks.h"

namespace hs {
namespace {

// What an event says of threads, CPUs and devices, by position of its arguments.
struct Numbered {
  std::vector<unsigned> threads, cpus, devices;
};

Numbered FindNumbered(Kind kind) {
  Numbered numbered;
  std::string_view fields = Info(kind).fields;
  for (unsigned i = 0; !fields.empty(); i++) {
    const auto comma = fields.find(',');
    const std::string_view name = fields.substr(0, comma);
    fields = comma == fields.npos ? "" : fields.substr(fields.find_first_not_of(" ,", comma));
    if (name.ends_with("tid")) numbered.threads.push_back(i);
    if (name.ends_with("cpu")) numbered.cpus.push_back(i);
    if (name.ends_with("dev")) numbered.devices.push_back(i);
  }
  return numbered;
}

// Adds the hosts up, each by the clock of the first.
class Merger {
 public:
  Merger() {
    for (unsigned kind = 0; kind < kKinds; kind++)
      numbered_.push_back(FindNumbered(static_cast<Kind>(kind)));
  }

  void Add(const Trace& trace, std::vector<RpcLog> logs, const ClockLine& clock) {
    const std::uint16_t first_cpu = cpus_;
    for (Event event : trace.events()) {
      cpus_ = std::max<std::uint16_t>(cpus_, first_cpu + event.cpu + 1);
      event.time = clock.ToFirst(event.time);
      event.cpu = static_cast<std::uint16_t>(event.cpu + first_cpu);
      const Numbered& numbered = numbered_[static_cast<unsigned>(event.kind)];
      for (unsigned i : numbered.threads)
        if (event.args[i] != 0) event.args[i] += first_thread_;
      for (unsigned i : numbered.cpus) event.args[i] += first_cpu;
      for (unsigned i : numbered.devices) event.args[i] += first_device_;
      merged_.Add(event);
    }
    const bool first = first_thread_ == 0;
    for (RpcLog& log : logs) {
      for (rpclog_record& record : log.records) AddRecord(record, clock);
      logs_.push_back(std::move(log));
    }
    first_thread_ += kThreads;
    first_device_ += kDevices;
    merged_.path += (first ? "" : ", ") + trace.path;
    merged_.host += (first ? "" : ", ") + trace.host;
    merged_.release = trace.release;
    merged_.clock = trace.clock;
    merged_.record_cost = std::max(merged_.record_cost, trace.record_cost);
    merged_.lost_before |= trace.lost_before;
    const Nanos from = clock.ToFirst(trace.complete_from), to = clock.ToFirst(trace.complete_to);
    merged_.complete_from = first ? from : std::max(merged_.complete_from, from);
    merged_.complete_to = first ? to : std::min(merged_.complete_to, to);
    AddStats(trace.stats);
  }

  HostRecords Take() {
    const std::uint64_t reordered = merged_.stats.reordered;
    const Nanos from = merged_.complete_from;
    merged_.Finish();
    merged_.stats.reordered = reordered;  // inside a host's own
    merged_.complete_from = from;
    return {std::move(merged_), std::move(logs_)};
  }

 private:
  static constexpr std::uint64_t kThreads = 1 << 22;  // a 64-bit kernel has no larger thread id
  static constexpr std::uint64_t kDevices = 1 << 16;

  void AddRecord(rpclog_record& record, const ClockLine& clock) {
    for (std::uint64_t* time : {&record.send_call_ns, &record.send_return_ns, &record.recv_call_ns,
                                &record.recv_return_ns})
      if (*time != 0) *time = static_cast<std::uint64_t>(clock.ToFirst(static_cast<Nanos>(*time)));
    for (std::uint32_t* tid : {&record.send_tid, &record.recv_tid})
      if (*tid != 0) *tid += static_cast<std::uint32_t>(first_thread_);
  }

  void AddStats(const ImportStats& stats) {
    ImportStats& sum = merged_.stats;
    sum.records += stats.records;
    sum.produced += stats.produced;
    sum.reordered += stats.reordered;
    for (const auto& [reason, count] : stats.lost) sum.lost[reason] += count;
    for (const auto& [event, count] : stats.unused) sum.unused[event] += count;
    if (!stats.damage.empty()) sum.damage += (sum.damage.empty() ? "" : "; ") + stats.damage;
  }

  std::vector<Numbered> numbered_;
  std::uint16_t cpus_ = 0;
  std::uint64_t first_thread_ = 0, first_device_ = 0;
  Trace merged_;
  std::vector<RpcLog> logs_;
};

}  // namespace

Result<HostRecords> MergeHosts(std::vector<HostRecords> hosts) {
  std::vector<Trace> traces;
  for (HostRecords& host : hosts) traces.push_back(std::move(host.trace));
  const auto lines = RelateClocks(traces);
  Merger merger;
  std::vector<HostClock> clocks;
  for (std::size_t i = 0; i < traces.size(); i++) {
    const Trace& trace = traces[i];
    if (!lines[i])
      return Error{trace.path + ": no Homa or TCP data between its host and that of " + traces[0].path +
                   " in both directions, which would relate their clocks"};
    merger.Add(trace, std::move(hosts[i].logs), *lines[i]);
    if (i > 0)
      clocks.push_back({trace.host, lines[i]->ahead, lines[i]->drift * 1e6,
                        static_cast<Nanos>(lines[i]->uncertainty) + 1});
  }
  HostRecords merged = merger.Take();
  merged.trace.clocks = std::move(clocks);
  return merged;
}

}  // namespace hs
