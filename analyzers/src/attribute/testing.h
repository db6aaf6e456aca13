// SPDX-License-Identifier: Apache-2.0
//
// Traces of one RPC with a known answer, for the tests and benchmarks here.
#ifndef HOMASCOPE_ATTRIBUTE_TESTING_H
#define HOMASCOPE_ATTRIBUTE_TESTING_H

#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "attribute/attribute.h"
#include "model/rpc_log.h"
#include "model/trace_builder.h"

namespace hs::testing {

inline constexpr std::uint32_t kClient = 100;  // thread ids
inline constexpr std::uint32_t kServer = 200;
inline constexpr std::uint16_t kClientPort = 40000;
inline constexpr std::uint16_t kServerPort = 4000;

using Tiles = std::map<std::string, Nanos>;

// The tiles that are not 0, by name.
inline Tiles NonZero(const RpcTiles& rpc) {
  Tiles tiles;
  for (unsigned slot = 0; slot < kSlots; slot++)
    if (rpc.ns[slot] != 0) tiles[SlotName(slot)] = rpc.ns[slot];
  return tiles;
}

inline Nanos Sum(const RpcTiles& rpc) {
  return std::accumulate(rpc.ns.begin(), rpc.ns.end(), Nanos{0});
}

// Writes events at a time that Step() moves on, so that a test reads as a
// list of durations.
class Script {
 public:
  Nanos now = 1000;
  TraceBuilder trace;
  rpclog_record client{};
  rpclog_record server{};

  Script() {
    client.client_port = server.client_port = kClientPort;
    client.server_port = server.server_port = kServerPort;
    client.send_tid = client.recv_tid = kClient;
    server.send_tid = server.recv_tid = kServer;
  }

  Script& Cpu(std::uint16_t cpu) {
    trace.Cpu(cpu);
    return *this;
  }
  Script& Step(Nanos ns) {
    now += ns;
    return *this;
  }
  // An event @ns after the one before.
  Script& On(Nanos ns, Kind kind, std::initializer_list<std::uint64_t> args) {
    trace.At(now += ns, kind, args);
    return *this;
  }
  Script& Packet(Nanos ns, Kind kind, std::uint64_t proto, std::uint64_t ports, std::uint64_t id,
                 std::uint64_t offset, std::uint64_t dev = 1) {
    return On(ns, kind, {dev, proto, ports, id, offset, 0xabc});
  }
  // The CPU goes from thread @from (0: idle) to @to.
  Script& Switch(Nanos ns, std::uint32_t from, std::uint32_t to, bool preempted = false) {
    return On(ns, Kind::sched_switch, {from, preempted ? 0u : 1u, to});
  }
  Script& Waking(Nanos ns, std::uint32_t tid) { return On(ns, Kind::sched_waking, {tid, 0}); }

  std::vector<RpcLog> Logs(Transport transport) const {
    std::vector<RpcLog> logs(2);
    logs[0].client = true;
    logs[0].records = {client};
    logs[1].records = {server};
    for (RpcLog& log : logs) log.transport = transport;
    return logs;
  }
};

// One message of Homa over veth whose receiver sleeps on CPU 1, which is idle.
// The sender's CPU is 0; softirqs run on @softirq_cpu. Durations are chosen so
// that every tile has one of its own; @unit scales them.
inline void HomaMessage(Script& s, std::uint64_t sender_id, std::uint32_t receiver,
                        std::uint16_t softirq_cpu, Nanos unit = 1) {
  const std::uint64_t receiver_id = sender_id ^ 1;
  s.Cpu(0);
  s.On(11 * unit, Kind::homa_send_enter, {sender_id, 100});
  s.On(12 * unit, Kind::homa_send_copied, {sender_id, 100});
  s.On(13 * unit, Kind::homa_data_xmit, {sender_id, 0, 100});
  s.Packet(14 * unit, Kind::net_dev_queue, kProtoHoma, 0, sender_id, 0);
  s.Packet(15 * unit, Kind::net_dev_start_xmit, kProtoHoma, 0, sender_id, 0);
  s.Packet(16 * unit, Kind::netif_rx, kProtoHoma, 0, sender_id, 0, 2);
  s.Cpu(softirq_cpu);
  s.On(17 * unit, Kind::softirq_raise, {kNetRx});
  s.On(18 * unit, Kind::softirq_entry, {kNetRx});
  s.Packet(19 * unit, Kind::netif_receive_skb, kProtoHoma, 0, sender_id, 0, 2);
  s.On(20 * unit, Kind::homa_data_in, {receiver_id, 0, 100});
  s.On(21 * unit, Kind::homa_msg_complete, {receiver_id, 100});
  s.On(5 * unit, Kind::homa_handoff, {receiver_id, receiver, 1});
  s.Waking(17 * unit, receiver);
  s.On(9 * unit, Kind::softirq_exit, {kNetRx});
  s.Cpu(1).Switch(14 * unit, 0, receiver);
  s.On(24 * unit, Kind::homa_recv_running, {receiver_id, receiver});
  s.On(25 * unit, Kind::homa_copy_out, {receiver_id, 0});
  s.On(26 * unit, Kind::homa_copy_out_done, {receiver_id, 0});
  s.On(27 * unit, Kind::homa_recv_return, {receiver_id, receiver, 100});
}

// A round trip of @id with both threads asleep on CPU 1 before; 1000 ns in the
// server's application.
inline Script HomaRpc(std::uint64_t id = 1234, std::uint16_t softirq_cpu = 2) {
  Script s;
  s.client.rpc_id = id;
  s.server.rpc_id = id ^ 1;
  // What ran before, so that the state of every CPU and thread is known.
  s.Cpu(1).Switch(10, kServer, 0).Cpu(0).Switch(10, 0, kClient);
  s.client.send_call_ns = static_cast<std::uint64_t>(s.Step(100).now);
  HomaMessage(s, id, kServer, softirq_cpu);
  s.server.recv_return_ns = static_cast<std::uint64_t>(s.Step(28).now);
  s.server.send_call_ns = static_cast<std::uint64_t>(s.Step(1000).now);
  // Meanwhile the client sleeps, and the server goes on in the place of the
  // sender: it sends from CPU 0 only in this script.
  s.trace.Cpu(0).At(s.now - 900, Kind::sched_switch, {kClient, 1, 0});
  s.trace.Cpu(1).At(s.now - 500, Kind::sched_switch, {kServer, 0, 0});
  s.trace.Cpu(0).At(s.now - 500, Kind::sched_switch, {0, 0, kServer});
  s.client.recv_call_ns = static_cast<std::uint64_t>(s.now - 950);
  HomaMessage(s, id ^ 1, kClient, softirq_cpu);
  s.client.recv_return_ns = static_cast<std::uint64_t>(s.Step(28).now);
  return s;
}

// A round trip over TCP or UDP; the packets of UDP have no id.
inline Script FlowRpc(std::uint64_t proto, bool data_ready = true, bool epoll = false) {
  Script s;
  const std::uint64_t out = std::uint64_t{kClientPort} << 16 | kServerPort;
  const std::uint64_t back = std::uint64_t{kServerPort} << 16 | kClientPort;
  const auto message = [&](std::uint64_t ports, std::uint64_t id, std::uint32_t receiver,
                           std::uint16_t local, std::uint16_t remote) {
    s.Cpu(0).Packet(11, Kind::net_dev_queue, proto, ports, id, 100);
    s.Packet(12, Kind::net_dev_start_xmit, proto, ports, id, 100);
    s.Packet(13, Kind::netif_rx, proto, ports, id, 100, 2);
    s.On(14, Kind::softirq_entry, {kNetRx});
    s.Packet(15, Kind::netif_receive_skb, proto, ports, id, 100, 2);
    s.Step(16);
    if (data_ready) s.On(0, Kind::sk_data_ready, {proto, local, remote});
    s.Waking(17, receiver).On(5, Kind::softirq_exit, {kNetRx});
    s.Cpu(1).Switch(13, 0, receiver);
  };
  const std::uint64_t id = proto == kProtoTcp ? 0x500000007 : 0;
  s.Cpu(1).Switch(10, kServer, 0).Cpu(0).Switch(10, 0, kClient);
  s.client.send_call_ns = static_cast<std::uint64_t>(s.Step(100).now);
  message(out, id, kServer, kServerPort, kClientPort);
  if (epoll) s.server.recv_call_ns = static_cast<std::uint64_t>(s.Step(7).now);
  s.server.recv_return_ns = static_cast<std::uint64_t>(s.Step(19).now);
  s.server.send_call_ns = static_cast<std::uint64_t>(s.Step(1000).now);
  s.trace.Cpu(0).At(s.now - 900, Kind::sched_switch, {kClient, 1, 0});
  s.trace.Cpu(1).At(s.now - 500, Kind::sched_switch, {kServer, 0, 0});
  s.trace.Cpu(0).At(s.now - 500, Kind::sched_switch, {0, 0, kServer});
  // The acknowledgement of the request, which carries no data.
  if (proto == kProtoTcp)
    s.trace.Cpu(0).At(s.now - 400, Kind::netif_receive_skb, {1, proto, out, id + 1, 0, 0xdef});
  message(back, id * 2, kClient, kClientPort, kServerPort);
  s.client.recv_call_ns = s.client.send_call_ns + 100;
  s.client.recv_return_ns = static_cast<std::uint64_t>(s.Step(19).now);
  return s;
}

}  // namespace hs::testing

#endif  // HOMASCOPE_ATTRIBUTE_TESTING_H
