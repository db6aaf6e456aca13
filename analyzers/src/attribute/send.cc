// SPDX-License-Identifier: Apache-2.0
//
// The sender's side of a Homa message. Its events are walked in order, and
// each charges the time since the one before it: to copying when it says that
// bytes were copied, to waiting when it ends a wait, else to building packets.
// The walk ends with the transmission of the critical packet; what the sender
// does after that delays nobody.
#include "attribute/stages.h"

namespace hs {

void SendHoma(Stage& stage, const Critical& critical, EventRun events) {
  const Timeline& timeline = stage.timeline;
  const Message& message = stage.message;
  Tiler& tiler = stage.tiler;
  if (!critical.transmission) return tiler.Gap();

  bool entered = false;
  bool copied = false;
  bool sent = false;  // the time since the last event went into a packet
  bool deferred = false;
  std::optional<Nanos> waiting;  // for a grant, since
  std::optional<Nanos> granted;  // when the receiver sent one during that wait
  auto working = [&] { return sent ? Tile::own_packets : Tile::send; };

  for (std::uint32_t i : events) {
    const Event& event = timeline.at(i);
    if (event.kind == Kind::homa_grant_xmit && event.args[0] == (message.sender_id ^ 1) &&
        waiting && !granted)
      granted = event.time;
    if (event.args[0] != message.sender_id) continue;
    const bool critical_xmit = &event == critical.transmission;
    switch (event.kind) {
      case Kind::homa_send_enter:
        if (entered) break;
        if (message.at_call) stage.CloseRunning(message.send_tid, Tile::syscall_entry, event.time);
        entered = true;
        break;
      case Kind::homa_send_copied:
        if (!entered) tiler.Gap();
        entered = copied = true;
        sent = false;
        stage.CloseRunning(message.send_tid, Tile::copy_in, event.time);
        break;
      case Kind::homa_pacer_defer:
        tiler.Close(working(), event.time);
        deferred = true;
        break;
      case Kind::homa_pacer_release:
        if (!deferred) break;
        tiler.Close(Tile::pacer, event.time);
        deferred = sent = false;
        break;
      case Kind::homa_grant_wait:
        tiler.Close(working(), event.time);
        waiting = event.time;
        granted.reset();
        break;
      case Kind::homa_grant_in:
        if (!waiting) break;
        if (granted) tiler.Close(Tile::grant_remote, granted);
        tiler.Close(granted ? Tile::grant_network : Tile::grant_remote, event.time);
        waiting.reset();
        sent = false;
        break;
      case Kind::homa_data_xmit:
      case Kind::homa_data_resend: {
        if (!entered || !copied || waiting) tiler.Gap();
        entered = copied = true;
        waiting.reset();
        const bool again = critical_xmit && event.kind == Kind::homa_data_resend;
        const Tile tile = again ? Tile::loss_wait : working();
        stage.CloseRunning(again ? 0 : message.send_tid, tile, event.time);
        sent = true;
        break;
      }
      default:
        break;
    }
    if (critical_xmit) return;
  }
}

Tile SendFlow(Stage& stage, const Critical& critical, EventRun flow) {
  for (std::uint32_t i : flow) {
    const Event& event = stage.timeline.at(i);
    if (event.kind != Kind::net_dev_queue) continue;
    const std::uint64_t id = event.args[arg::packet::id];
    const std::uint64_t bytes = event.args[arg::packet::offset];
    if (id == critical.id && bytes == critical.offset) return Tile::send_path;
    if (event.args[arg::packet::proto] == kProtoTcp && bytes == 0) continue;  // an ACK
    stage.CloseRunning(stage.message.send_tid, Tile::send_path, event.time);
    return Tile::own_packets;
  }
  return Tile::send_path;
}

}  // namespace hs
