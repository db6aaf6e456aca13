// SPDX-License-Identifier: Apache-2.0
#include "attribute/attribute.h"

#include <algorithm>

#include "attribute/stages.h"

namespace hs {
namespace {

bool Covers(const Event& xmit, std::uint64_t offset) {
  const std::uint64_t first = xmit.args[arg::homa_data_xmit::offset];
  return offset >= first && offset < first + xmit.args[arg::homa_data_xmit::length];
}

// The last packet before the message was complete, and the transmission that
// brought it.
Critical FindCriticalHoma(const Timeline& timeline, const Message& message, EventRun events) {
  Critical critical;
  critical.id = message.sender_id;
  const Event* input = nullptr;
  for (std::uint32_t i : events) {
    const Event& event = timeline.at(i);
    if (event.args[0] != (message.sender_id ^ 1)) continue;
    if (event.kind == Kind::homa_data_in) input = &event;
    if (event.kind == Kind::homa_msg_complete) break;
  }
  int transmissions = 0;
  for (std::uint32_t i : events) {
    const Event& event = timeline.at(i);
    if (event.kind != Kind::homa_data_xmit && event.kind != Kind::homa_data_resend) continue;
    if (event.args[0] != message.sender_id || (input && event.time > input->time)) continue;
    transmissions++;
    if (!input || Covers(event, input->args[arg::homa_data_in::offset]))
      critical.transmission = &event;
  }
  // Which of several packets came last is not known without the receiver.
  if (!input && transmissions > 1) critical.transmission = nullptr;
  if (critical.transmission)
    critical.offset = critical.sent_offset =
        critical.transmission->args[arg::homa_data_xmit::offset];
  if (input) {
    critical.input = input->time;
    critical.arrival = input;
    critical.offset = input->args[arg::homa_data_in::offset];
    if (!critical.transmission) critical.sent_offset = critical.offset;
    for (std::uint32_t i : events) {
      const Event& event = timeline.at(i);
      if (event.time > input->time) break;
      if (event.kind == Kind::homa_steer && event.args[0] == input->args[0] &&
          event.args[arg::homa_steer::offset] == critical.offset)
        critical.steered = &event;
    }
  }
  return critical;
}

// The event that says that the critical packet waited for other messages, or null.
const Event* FindHold(const Timeline& timeline, const Critical& critical, EventRun events) {
  if (!critical.transmission || critical.transmission->kind != Kind::homa_data_xmit) return nullptr;
  for (std::uint32_t i : events) {
    const Event& event = timeline.at(i);
    if (event.kind == Kind::homa_data_hold && event.args[0] == critical.id) return &event;
  }
  return nullptr;
}

// The packet events of a message, and what its carrier's tell of it: all, or its way to the device
// if that has cut the bundle.
std::vector<std::uint32_t> WithCarrier(const Timeline& timeline, EventRun own, EventRun carrier) {
  const bool cut = std::any_of(own.begin(), own.end(), [&](std::uint32_t i) {
    return timeline.at(i).kind == Kind::net_dev_start_xmit;
  });
  std::vector<std::uint32_t> all(own.begin(), own.end());
  for (std::uint32_t i : carrier) {
    const Kind kind = timeline.at(i).kind;
    if (kind != Kind::homa_gro_join && (!cut || kind == Kind::net_dev_queue)) all.push_back(i);
  }
  std::sort(all.begin(), all.end());
  return all;
}

// The last packet with data that reached the receiver's stack.
Critical FindCriticalFlow(const Timeline& timeline, Transport transport, EventRun flow) {
  Critical critical;
  for (std::uint32_t i : flow) {
    const Event& event = timeline.at(i);
    if (event.kind != Kind::netif_receive_skb) continue;
    const std::uint64_t bytes = event.args[arg::packet::offset];
    if (transport == Transport::kTcp && bytes == 0) continue;
    critical.id = event.args[arg::packet::id];
    critical.offset = critical.sent_offset = bytes;
  }
  return critical;
}

MessageCpus Attribute(const Timeline& timeline, Transport transport, const Message& message,
                      Tiler& tiler) {
  Stage stage{timeline, message, tiler, {}};
  if (transport == Transport::kHoma) {
    const auto events = timeline.homa.Find(message.sender_id & ~1ull, message.begin, message.end);
    EventRun packets = timeline.homa_packets.Find(message.sender_id, message.begin, message.end);
    std::vector<std::uint32_t> with_carrier;
    Critical critical = FindCriticalHoma(timeline, message, events);
    const Event* hold = FindHold(timeline, critical, events);
    if (hold && hold->args[arg::homa_data_hold::first_id] != critical.id) {
      critical.carrier = hold->args[arg::homa_data_hold::first_id];
      with_carrier = WithCarrier(
          timeline, packets, timeline.homa_packets.Find(critical.carrier, message.begin, message.end));
      packets = with_carrier;
    }
    SendHoma(stage, critical, events);
    Transit(stage, critical, packets, hold ? Tile::hold : Tile::ip_output);
    Steered(stage, critical);
    tiler.Close(Tile::ip_input, critical.input);
    ReceiveHoma(stage, events);
  } else {
    const auto proto = transport == Transport::kTcp ? kProtoTcp : kProtoUdp;
    const auto key = FlowKey(proto, message.source_port, message.dest_port);
    const auto flow = timeline.flows.Find(key, message.begin, message.end);
    const Critical critical = FindCriticalFlow(timeline, transport, flow);
    const Tile last_tile = SendFlow(stage, critical, flow);
    Transit(stage, critical, flow, last_tile);
    ReceiveFlow(stage, proto);
  }
  return stage.cpus;
}

// Follows the path over the CPUs. A step whose CPU is not known counts as none.
void CountCpus(RpcTiles& tiles, const MessageCpus& request, const MessageCpus& response) {
  std::array<std::uint16_t, 6> path;
  std::size_t steps = 0;
  for (const MessageCpus& message : {request, response}) {
    for (const auto& cpu : {message.send, message.softirq, message.receive})
      if (cpu) path[steps++] = *cpu;
    if (!message.softirq || !message.send) continue;
    tiles.softirqs++;
    if (*message.softirq == *message.send) continue;
    tiles.remote_softirqs++;
    if (message.receive && *message.softirq != *message.receive) tiles.third_softirqs++;
  }
  for (std::size_t i = 1; i < steps; i++)
    if (path[i] != path[i - 1]) tiles.cpu_changes++;
  const auto end = path.begin() + steps;
  std::sort(path.begin(), end);
  tiles.cpus = static_cast<std::uint8_t>(std::unique(path.begin(), end) - path.begin());
}

}  // namespace

RpcTiles AttributeRpc(const Timeline& timeline, Transport transport, const Rpc& rpc) {
  RpcTiles result;
  result.id = rpc.id;
  result.start = rpc.start;
  result.rtt = rpc.end - rpc.start;
  Tiler tiler(rpc.start, rpc.end, timeline.silences);
  if (rpc.has_server) {
    tiler.Begin(Direction::kRequest, rpc.request.end);
    const MessageCpus request = Attribute(timeline, transport, rpc.request, tiler);
    tiler.Finish();

    tiler.Begin(Direction::kRequest, rpc.response.begin);
    Stage app{timeline, rpc.request, tiler, {}};
    app.CloseRunning(rpc.request.recv_tid, Tile::server_app, rpc.response.begin);

    tiler.Begin(Direction::kResponse, rpc.response.end);
    const MessageCpus response = Attribute(timeline, transport, rpc.response, tiler);
    CountCpus(result, request, response);
  }
  tiler.Finish();
  result.ns = tiler.ns();
  result.records = timeline.trace.CountBetween(rpc.start, rpc.end);
  return result;
}

std::vector<RpcTiles> AttributeAll(const Timeline& timeline, const RpcSet& set) {
  std::vector<RpcTiles> all;
  all.reserve(set.rpcs.size());
  for (const Rpc& rpc : set.rpcs) all.push_back(AttributeRpc(timeline, set.transport, rpc));
  return all;
}

}  // namespace hs
