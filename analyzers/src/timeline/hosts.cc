// SPDX-License-Identifier: Apache-2.0
#include "timeline/hosts.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace hs {
namespace {

constexpr Nanos kUnbounded = std::numeric_limits<Nanos>::max() / 4;
constexpr std::uint64_t kNoOffset = 0xffffffff;  // of control packets, which nothing tells apart

// DATA by the id its sender gave it, and offset. Ids begin at random numbers, so that hosts share none.
using PacketKey = std::pair<std::uint64_t, std::uint64_t>;
using Times = std::map<PacketKey, Nanos>;

// When a host first sent and first received each packet, as late and as early as its events tell.
struct Packets {
  Times sent, received;
};

Packets FindPackets(const Trace& trace) {
  Packets packets;
  Times handed;  // to IP
  std::set<std::uint64_t> resent;
  for (const Event& event : trace.events()) {
    switch (event.kind) {
      case Kind::homa_data_xmit:
        handed.try_emplace({event.args[0], event.args[arg::homa_data_xmit::offset]}, event.time);
        break;
      case Kind::homa_data_resend:
        resent.insert(event.args[0]);
        break;
      case Kind::homa_data_in:
        packets.received.try_emplace({event.args[0] ^ 1, event.args[arg::homa_data_in::offset]}, event.time);
        break;
      case Kind::net_dev_start_xmit:
      case Kind::netif_rx:
      case Kind::napi_gro_receive:
      case Kind::netif_receive_skb: {
        const std::uint64_t offset = event.args[arg::packet::offset];
        if (event.args[arg::packet::proto] != kProtoHoma || offset == kNoOffset) break;
        Times& times = event.kind == Kind::net_dev_start_xmit ? packets.sent : packets.received;
        times.try_emplace({event.args[arg::packet::id], offset}, event.time);
        break;
      }
      default:
        break;
    }
  }
  packets.sent.merge(handed);
  // The first time may be older than the trace.
  std::erase_if(packets.sent, [&](const auto& packet) { return resent.contains(packet.first.first); });
  return packets;
}

// [a][b]: the clock of host b is not further ahead of that of a.
std::vector<std::vector<Nanos>> FindBounds(const std::vector<Packets>& hosts) {
  const std::size_t n = hosts.size();
  std::vector<std::vector<Nanos>> bounds(n, std::vector<Nanos>(n, kUnbounded));
  for (std::size_t a = 0; a < n; a++)
    for (std::size_t b = 0; b < n; b++)
      for (const auto& [key, sent] : hosts[a].sent) {
        const auto received = hosts[b].received.find(key);
        if (a != b && received != hosts[b].received.end())
          bounds[a][b] = std::min(bounds[a][b], received->second - sent);
      }
  for (std::size_t via = 0; via < n; via++)
    for (std::size_t a = 0; a < n; a++)
      for (std::size_t b = 0; b < n; b++)
        if (bounds[a][via] != kUnbounded && bounds[via][b] != kUnbounded)
          bounds[a][b] = std::min(bounds[a][b], bounds[a][via] + bounds[via][b]);
  return bounds;
}

// What an event says of threads and CPUs, by position of its arguments.
struct Numbered {
  std::vector<unsigned> threads, cpus;
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
  }
  return numbered;
}

// Adds the traces up, each shifted to the clock of the first.
class Merger {
 public:
  Merger() {
    for (unsigned kind = 0; kind < kKinds; kind++)
      numbered_.push_back(FindNumbered(static_cast<Kind>(kind)));
  }

  void Add(const Trace& trace, Nanos ahead) {
    const std::uint16_t first_cpu = cpus_;
    for (Event event : trace.events()) {
      cpus_ = std::max<std::uint16_t>(cpus_, first_cpu + event.cpu + 1);
      event.time -= ahead;
      event.cpu = static_cast<std::uint16_t>(event.cpu + first_cpu);
      const Numbered& numbered = numbered_[static_cast<unsigned>(event.kind)];
      for (unsigned i : numbered.threads)
        if (event.args[i] != 0) event.args[i] += first_thread_;
      for (unsigned i : numbered.cpus) event.args[i] += first_cpu;
      merged_.Add(event);
    }
    const bool first = first_thread_ == 0;
    first_thread_ += kThreads;
    merged_.path += (first ? "" : ", ") + trace.path;
    merged_.host += (first ? "" : ", ") + trace.host;
    merged_.release = trace.release;
    merged_.clock = trace.clock;
    merged_.record_cost = std::max(merged_.record_cost, trace.record_cost);
    merged_.lost_before |= trace.lost_before;
    const Nanos from = trace.complete_from - ahead, to = trace.complete_to - ahead;
    merged_.complete_from = first ? from : std::max(merged_.complete_from, from);
    merged_.complete_to = first ? to : std::min(merged_.complete_to, to);
    AddStats(trace.stats);
  }

  Trace Take() {
    const std::uint64_t reordered = merged_.stats.reordered;
    const Nanos from = merged_.complete_from;
    merged_.Finish();
    merged_.stats.reordered = reordered;  // inside a host's own
    merged_.complete_from = from;
    return std::move(merged_);
  }

 private:
  static constexpr std::uint64_t kThreads = 1 << 22;  // a 64-bit kernel has no larger thread id

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
  std::uint64_t first_thread_ = 0;
  Trace merged_;
};

}  // namespace

Result<Trace> MergeHosts(std::vector<Trace> traces) {
  std::vector<Packets> packets;
  for (const Trace& trace : traces) packets.push_back(FindPackets(trace));
  const auto bounds = FindBounds(packets);
  Merger merger;
  std::vector<HostClock> clocks;
  for (std::size_t i = 0; i < traces.size(); i++) {
    const Trace& trace = traces[i];
    if (i == 0) {
      merger.Add(trace, 0);
      continue;
    }
    const Nanos most = bounds[0][i], least = -bounds[i][0];
    if (most == kUnbounded || -least == kUnbounded)
      return Error{trace.path + ": no Homa DATA between its host and that of " + traces[0].path +
                   " in both directions, which would relate their clocks"};
    clocks.push_back({trace.host, (most + least) / 2, std::abs(most - least) / 2 + 1});
    merger.Add(trace, clocks.back().ahead);
  }
  Trace merged = merger.Take();
  merged.clocks = std::move(clocks);
  return merged;
}

}  // namespace hs
