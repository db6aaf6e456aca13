// SPDX-License-Identifier: Apache-2.0
//
// The stages a message passes, one file each. A stage takes the tiler from
// its first milestone to its last; it never needs to know what the others
// found, because the tiler keeps the sum exact.
#ifndef HOMASCOPE_ATTRIBUTE_STAGES_H
#define HOMASCOPE_ATTRIBUTE_STAGES_H

#include <cstdint>
#include <optional>

#include "attribute/tiler.h"
#include "timeline/rpc.h"
#include "timeline/timeline.h"

namespace hs {

// CPUs on which the stages of one message ran.
struct MessageCpus {
  std::optional<std::uint16_t> send;
  std::optional<std::uint16_t> softirq;
  std::optional<std::uint16_t> receive;
};

// One message on its way, shared by its stages.
struct Stage {
  const Timeline& timeline;
  const Message& message;
  Tiler& tiler;
  MessageCpus cpus;

  // Closes @tile, during which thread @tid should have run: intervals in
  // which it was preempted become tiles of their own.
  void CloseRunning(std::uint32_t tid, Tile tile, std::optional<Nanos> time);
};

// The packet that completed a message: the end of the critical path of its
// transmission.
struct Critical {
  std::uint64_t id = 0;                // of the packet events
  std::uint64_t offset = 0;            // as the receiver saw it
  std::uint64_t sent_offset = 0;       // of the segmentation unit it left in
  std::uint64_t carrier = 0;           // id of the first packet of the bundle it left in; 0: in none, or it is the first
  std::optional<Nanos> input;          // Homa: at transport input
  const Event* arrival = nullptr;      // Homa: the same
  const Event* steered = nullptr;      // Homa: sent to the CPU of its arrival by homa.ko
  const Event* transmission = nullptr;  // Homa: handed to IP
};

// send.cc: from the send call until the critical packet is handed to IP.
void SendHoma(Stage& stage, const Critical& critical, EventRun events);
// The same for TCP and UDP, where only packets tell. Returns the tile that
// lasts until the critical packet is queued.
Tile SendFlow(Stage& stage, const Critical& critical, EventRun flow);

// transit.cc: from there until it enters the receiver's protocol stack.
// @packets holds the packet events of the message or flow.
void Transit(Stage& stage, const Critical& critical, EventRun packets, Tile first_tile);

// From there until it is at transport input on the CPU it is sent to, if it is sent to another.
void Steered(Stage& stage, const Critical& critical);

// receive.cc: from transport input to the return of the receive call.
void ReceiveHoma(Stage& stage, EventRun events);
void ReceiveFlow(Stage& stage, std::uint64_t proto);

// wakeup.cc: from "message ready" until the receiving thread runs, not later
// than @until.
enum class Wake { kWoken, kRunning, kUnknown };
Wake WakeReceiver(Stage& stage, std::uint32_t tid, Nanos until);

}  // namespace hs

#endif  // HOMASCOPE_ATTRIBUTE_STAGES_H
