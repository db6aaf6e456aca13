// SPDX-License-Identifier: Apache-2.0
#include "timeline/rpc.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace hs {
namespace {

using Record = const rpclog_record*;

// Identity of an RPC at both sides: Homa's id without its side, else the ports.
std::uint64_t PairKey(const rpclog_record& record, Transport transport) {
  if (transport == Transport::kHoma) return record.rpc_id & ~1ull;
  return FlowKey(0, record.client_port, record.server_port);
}

// The records of all servers, to be found by key and time.
class ServerSide {
 public:
  ServerSide(std::span<const RpcLog> logs, Transport transport) : transport_(transport) {
    for (const RpcLog& log : logs)
      if (!log.client)
        for (const rpclog_record& record : log.records) records_.push_back(&record);
    std::sort(records_.begin(), records_.end(), [&](Record a, Record b) {
      return std::make_pair(PairKey(*a, transport_), a->recv_return_ns) <
             std::make_pair(PairKey(*b, transport_), b->recv_return_ns);
    });
  }

  bool empty() const { return records_.empty(); }

  // The record that lies within the round trip of @client, and how many do.
  std::pair<Record, int> Find(const rpclog_record& client) const {
    const auto from = std::make_pair(PairKey(client, transport_), client.send_call_ns);
    auto it = std::partition_point(records_.begin(), records_.end(), [&](Record r) {
      return std::make_pair(PairKey(*r, transport_), r->recv_return_ns) < from;
    });
    Record found = nullptr;
    int n = 0;
    for (; it != records_.end() && PairKey(**it, transport_) == from.first &&
           (*it)->recv_return_ns <= client.recv_return_ns;
         ++it) {
      found = *it;
      n++;
    }
    return {found, n};
  }

 private:
  Transport transport_;
  std::vector<Record> records_;
};

class Finder {
 public:
  Finder(const Timeline& timeline, std::span<const RpcLog> logs, Transport transport)
      : timeline_(timeline), server_(logs, transport) {
    set_.transport = transport;
    for (const RpcLog& log : logs)
      if (log.client) set_.not_logged += log.dropped;
  }

  void AddLogged(std::span<const RpcLog> logs) {
    std::vector<Record> clients;
    for (const RpcLog& log : logs)
      if (log.client)
        for (const rpclog_record& record : log.records) clients.push_back(&record);
    // Clients on several hosts may use one id at the same time; the events do
    // not say whose they are.
    std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>> uses;
    for (Record r : clients)
      uses.emplace_back(PairKey(*r, set_.transport), r->send_call_ns, r->recv_return_ns);
    std::sort(uses.begin(), uses.end());
    for (Record r : clients) AddRecord(*r, Overlaps(uses, *r));
  }

  void AddTraced() {
    const auto& events = timeline_.trace.events();
    for (const Event& event : events)
      if (event.kind == Kind::homa_send_enter && (event.args[0] & 1) == 0) AddTracedRpc(event);
  }

  RpcSet Take() { return std::move(set_); }

 private:
  void Exclude(const char* reason) { set_.excluded[reason]++; }

  template <typename Uses>
  bool Overlaps(const Uses& uses, const rpclog_record& r) const {
    const auto key = PairKey(r, set_.transport);
    auto it = std::lower_bound(uses.begin(), uses.end(),
                               std::make_tuple(key, r.send_call_ns, r.recv_return_ns));
    auto next = std::next(it);
    if (next != uses.end() && std::get<0>(*next) == key && std::get<1>(*next) < r.recv_return_ns)
      return true;
    return it != uses.begin() && std::get<0>(*std::prev(it)) == key &&
           std::get<2>(*std::prev(it)) > r.send_call_ns;
  }

  // Why the trace cannot hold everything about [start, end], or null.
  const char* OutsideTrace(Nanos start, Nanos end) const {
    const Trace& trace = timeline_.trace;
    if (start < trace.complete_from) return trace.lost_before ? "lost_records" : "before_trace";
    if (end > trace.complete_to) return "after_trace";
    return nullptr;
  }

  void AddRecord(const rpclog_record& r, bool ambiguous) {
    set_.seen++;
    const auto start = static_cast<Nanos>(r.send_call_ns);
    const auto end = static_cast<Nanos>(r.recv_return_ns);
    if (r.flags & RPCLOG_ERROR) return Exclude("error");
    if (r.flags & RPCLOG_WARMUP) return Exclude("warmup");
    if (end < start) return Exclude("bad_times");
    if (const char* reason = OutsideTrace(start, end)) return Exclude(reason);
    if (ambiguous) return Exclude("ambiguous_id");

    Rpc rpc;
    rpc.id = r.rpc_id;
    rpc.start = start;
    rpc.end = end;
    rpc.request.begin = start;
    rpc.request.at_call = true;
    rpc.request.send_tid = r.send_tid;
    rpc.request.source_port = rpc.response.dest_port = r.client_port;
    rpc.request.dest_port = rpc.response.source_port = r.server_port;
    rpc.request.sender_id = r.rpc_id & ~1ull;
    rpc.response.sender_id = r.rpc_id | 1;
    rpc.response.end = end;
    rpc.response.at_return = true;
    rpc.response.recv_tid = r.recv_tid;
    rpc.response.recv_call = static_cast<Nanos>(r.recv_call_ns);
    rpc.response.earlier_return = static_cast<Nanos>(r.send_return_ns);

    const auto [s, n] = server_.Find(r);
    if (n > 1) return Exclude("ambiguous_id");
    if (s) {
      rpc.has_server = true;
      rpc.request.end = static_cast<Nanos>(s->recv_return_ns);
      rpc.request.at_return = true;
      rpc.request.recv_tid = s->recv_tid;
      rpc.request.recv_call = static_cast<Nanos>(s->recv_call_ns);
      rpc.response.begin = static_cast<Nanos>(s->send_call_ns);
      rpc.response.at_call = true;
      rpc.response.send_tid = s->send_tid;
      if (rpc.response.begin < rpc.request.end || rpc.response.begin > end)
        return Exclude("bad_times");
    } else if (!server_.empty() || set_.transport != Transport::kHoma) {
      return Exclude("no_server_record");
    } else {
      FindServer(rpc);
    }
    if (!HasEvents(rpc)) return Exclude("no_events");
    set_.rpcs.push_back(rpc);
  }

  // The server's side from Homa's own events.
  void FindServer(Rpc& rpc) const {
    const Event* received = nullptr;
    const Event* sent = nullptr;
    for (std::uint32_t i : timeline_.homa.Find(rpc.id & ~1ull, rpc.start, rpc.end)) {
      const Event& event = timeline_.at(i);
      if (event.args[0] != (rpc.id | 1)) continue;
      if (event.kind == Kind::homa_recv_return) received = &event;
      if (event.kind == Kind::homa_send_enter) sent = &event;
    }
    rpc.request.end = rpc.response.begin = rpc.end;
    if (!received || !sent || sent->time < received->time) return;
    rpc.has_server = true;
    rpc.request.end = received->time;
    rpc.request.recv_tid =
        static_cast<std::uint32_t>(received->args[arg::homa_recv_return::tid]);
    rpc.response.begin = sent->time;
  }

  bool HasEvents(const Rpc& rpc) const {
    if (set_.transport == Transport::kHoma)
      return !timeline_.homa.Find(rpc.id & ~1ull, rpc.start, rpc.end).empty() ||
             !timeline_.homa_packets.Find(rpc.request.sender_id, rpc.start, rpc.end).empty();
    const auto proto = set_.transport == Transport::kTcp ? kProtoTcp : kProtoUdp;
    const auto key = FlowKey(proto, rpc.request.source_port, rpc.request.dest_port);
    return !timeline_.flows.Find(key, rpc.start, rpc.end).empty();
  }

  void AddTracedRpc(const Event& enter) {
    set_.seen++;
    const std::uint64_t id = enter.args[0];
    const Nanos to = timeline_.trace.complete_to;
    const Event* received = nullptr;
    for (std::uint32_t i : timeline_.homa.Find(id, enter.time, to)) {
      const Event& event = timeline_.at(i);
      if (event.args[0] != id || &event == &enter) continue;
      if (event.kind == Kind::homa_send_enter) break;  // the id again, in another life
      if (event.kind != Kind::homa_recv_return) continue;
      received = &event;
      break;
    }
    if (!received) return Exclude("incomplete");
    if (received->args[arg::homa_recv_return::length] == 0) return Exclude("error");
    if (const char* reason = OutsideTrace(enter.time, received->time)) return Exclude(reason);
    Rpc rpc;
    rpc.id = id;
    rpc.start = rpc.request.begin = enter.time;
    rpc.end = rpc.response.end = received->time;
    rpc.request.sender_id = id;
    rpc.response.sender_id = id | 1;
    rpc.response.recv_tid =
        static_cast<std::uint32_t>(received->args[arg::homa_recv_return::tid]);
    FindServer(rpc);
    set_.rpcs.push_back(rpc);
  }

  const Timeline& timeline_;
  ServerSide server_;
  RpcSet set_;
};

}  // namespace

Result<RpcSet> FindRpcs(const Timeline& timeline, std::span<const RpcLog> logs) {
  Transport transport = Transport::kHoma;
  bool clients = false;
  bool servers = false;
  for (const RpcLog& log : logs) {
    if (log.transport != logs.front().transport)
      return Error{"the RPC logs " + logs.front().path + " and " + log.path +
                   " are of different transports; analyse one transport at a time"};
    transport = log.transport;
    (log.client ? clients : servers) = true;
  }
  if (!logs.empty() && !clients)
    return Error{"none of the RPC logs is a client's; add the client's with --rpclog"};
  if (transport != Transport::kHoma && !servers)
    return Error{"TCP and UDP need the RPC log of the server too; add it with --rpclog"};

  Finder finder(timeline, logs, transport);
  if (clients)
    finder.AddLogged(logs);
  else
    finder.AddTraced();
  return finder.Take();
}

}  // namespace hs
