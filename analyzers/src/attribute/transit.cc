// SPDX-License-Identifier: Apache-2.0
//
// One packet below the transports:
//
//   queue ─ qdisc ─ start_xmit ─ network ─ netif_rx ─ softirq_wait | rps ─ softirq_entry
//         ─ batch ─ netif_receive_skb
//
// A driver that feeds GRO has no netif_rx: there the packet is queued inside
// the device and waits for the softirq that polls it, which cannot be told
// from its way to the device. A packet that joins a bundle has no
// netif_receive_skb of its own; it is in its batch until the bundle is taken
// apart at transport input. One that left in a bundle behind its first packet,
// the carrier, has the carrier's events.
#include "attribute/stages.h"

namespace hs {
namespace {

struct PacketPath {
  const Event* queue = nullptr;       // first device
  const Event* requeue = nullptr;     // first device, when the packet was sent again
  const Event* start = nullptr;       // first device
  const Event* last_start = nullptr;  // last device
  const Event* queued = nullptr;      // for a CPU's backlog, or in GRO
  const Event* received = nullptr;
  bool bundled = false;  // received: joins a bundle, or is in one
};

PacketPath Follow(const Stage& stage, const Critical& critical, EventRun packets) {
  PacketPath path;
  const Nanos from = stage.tiler.cursor();
  const Nanos to = critical.input.value_or(stage.tiler.limit());
  const Event* queued = nullptr;
  const Event* start = nullptr;
  for (std::uint32_t i : packets) {
    const Event& event = stage.timeline.at(i);
    const bool joins = event.kind == Kind::homa_gro_join;
    const bool carried = !joins && critical.carrier != 0 && event.args[arg::packet::id] == critical.carrier;
    if (!joins && !carried && event.args[arg::packet::id] != critical.id) continue;
    const std::uint64_t offset =
        joins ? event.args[arg::homa_gro_join::offset] : event.args[arg::packet::offset];
    if (offset != critical.offset && offset != critical.sent_offset) continue;
    if (event.time < from) continue;
    if (event.time > to) break;
    switch (event.kind) {
      case Kind::net_dev_queue:
        if (!path.queue) {
          path.queue = &event;
        } else if (event.args[arg::packet::dev] == path.queue->args[arg::packet::dev]) {
          path.requeue = &event;
          path.start = nullptr;
        }
        break;
      case Kind::net_dev_start_xmit:
        if (!path.start) path.start = &event;
        start = &event;
        break;
      case Kind::netif_rx:
      case Kind::napi_gro_receive:
        queued = &event;
        break;
      case Kind::homa_gro_join:
      case Kind::netif_receive_skb:
        path.bundled = joins || carried;
        path.received = &event;
        path.queued = queued;
        path.last_start = start;
        break;
      default:
        break;
    }
  }
  return path;
}

std::optional<Nanos> TimeOf(const Event* event) {
  if (!event) return std::nullopt;
  return event->time;
}

// The wait of a packet that lies in the backlog of @received's CPU until its
// turn comes.
void Backlog(Stage& stage, const Event& queued, const Event& received) {
  const Cores& cores = stage.timeline.cores;
  Tiler& tiler = stage.tiler;
  const auto entry = cores.NetRxEntry(received.cpu, received.time);
  if (!entry) return tiler.Gap();
  // The handler may have been at work when the packet was queued.
  if (*entry <= queued.time) return;
  if (queued.cpu == received.cpu) {
    tiler.Close(Tile::softirq_wait, entry);
    return;
  }
  const auto raise = cores.LastNetRxRaise(received.cpu, queued.time, *entry);
  tiler.Close(Tile::rps_ipi, raise ? raise : entry);
  if (raise) tiler.Close(Tile::rps_softirq, entry);
}

}  // namespace

void Transit(Stage& stage, const Critical& critical, EventRun packets, Tile first_tile) {
  Tiler& tiler = stage.tiler;
  const PacketPath path = Follow(stage, critical, packets);
  stage.CloseRunning(stage.message.send_tid, first_tile, TimeOf(path.queue));
  if (path.requeue) tiler.Close(Tile::loss_wait, path.requeue->time);
  tiler.Close(Tile::qdisc, TimeOf(path.start));
  if (path.queue) stage.cpus.send = path.queue->cpu;
  if (!path.received) return tiler.Gap();
  stage.cpus.softirq = path.received->cpu;
  if (path.last_start != path.start) tiler.Close(Tile::forward, TimeOf(path.last_start));

  if (!path.queued) {
    tiler.Gap();
  } else if (path.queued->kind == Kind::netif_rx) {
    tiler.Close(Tile::network, path.queued->time);
    Backlog(stage, *path.queued, *path.received);
  } else {
    tiler.Close(Tile::network, stage.timeline.cores.NetRxEntry(path.queued->cpu, path.queued->time));
    tiler.Close(Tile::batch, path.queued->time);
    if (path.queued->cpu != path.received->cpu) Backlog(stage, *path.queued, *path.received);
  }
  if (!path.bundled)
    tiler.Close(Tile::batch, path.received->time);
  else
    tiler.Close(Tile::batch, critical.steered ? critical.steered->time : critical.input);
}

void Steered(Stage& stage, const Critical& critical) {
  if (!critical.steered) return;
  stage.tiler.Close(Tile::ip_input, critical.steered->time);
  Backlog(stage, *critical.steered, *critical.arrival);
  stage.tiler.Close(Tile::batch, critical.input);
  stage.cpus.softirq = critical.arrival->cpu;
}

}  // namespace hs
