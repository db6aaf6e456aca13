// SPDX-License-Identifier: Apache-2.0
//
// The receiver's side of a message: transport input, wake-up, and the receive
// call of the thread that gets it.
#include "attribute/stages.h"

namespace hs {
namespace {

// When the receiver's socket announced the message. A socket that is not
// connected has no remote port.
std::optional<Nanos> DataReady(const Stage& stage, std::uint64_t proto) {
  const Message& message = stage.message;
  for (std::uint32_t i :
       stage.timeline.ready.Find(message.dest_port, stage.tiler.cursor(), message.end)) {
    const Event& event = stage.timeline.at(i);
    const std::uint64_t remote = event.args[arg::sk_data_ready::dport];
    if (event.args[arg::sk_data_ready::proto] == proto &&
        (remote == message.source_port || remote == 0))
      return event.time;
  }
  return std::nullopt;
}

// The receiver has to ask for the message before anything can go on; when it
// was there already, nothing is closed.
void WaitForCall(Stage& stage, std::uint32_t tid, Wake wake, Nanos until) {
  std::optional<Nanos> call = stage.message.recv_call;
  if (!call) {
    const EventRun enters = stage.timeline.receivers.Find(tid, stage.tiler.cursor(), until);
    if (!enters.empty()) call = stage.timeline.at(enters.back()).time;
  }
  if (!call || *call <= stage.tiler.cursor() || *call > until) return;
  if (stage.message.earlier_return && *stage.message.earlier_return > stage.tiler.cursor())
    stage.CloseRunning(tid, Tile::still_sending, stage.message.earlier_return);
  stage.CloseRunning(tid, wake == Wake::kWoken ? Tile::dispatch : Tile::receiver_busy, call);
}

}  // namespace

void ReceiveHoma(Stage& stage, EventRun events) {
  const Timeline& timeline = stage.timeline;
  const Message& message = stage.message;
  Tiler& tiler = stage.tiler;
  const std::uint64_t id = message.sender_id ^ 1;

  // Milestones after completion; the thread may have been woken before that,
  // to copy out what had arrived.
  bool complete = false;
  bool copying = false;
  bool ran_before = false;
  const Event* handoff = nullptr;
  const Event* running = nullptr;
  const Event* returned = nullptr;
  for (std::uint32_t i : events) {
    const Event& event = timeline.at(i);
    if (event.args[0] != id) continue;
    switch (event.kind) {
      case Kind::homa_msg_complete:
        tiler.Close(Tile::transport_input, event.time);
        complete = true;
        break;
      case Kind::homa_handoff:
        if (complete && !handoff) handoff = &event;
        break;
      case Kind::homa_recv_running:
        if (!complete) ran_before = true;
        if (complete && !running) running = &event;
        break;
      case Kind::homa_copy_out:
        if (!complete) copying = true;
        break;
      case Kind::homa_copy_out_done:
        if (!complete) copying = false;
        break;
      case Kind::homa_recv_return:
        returned = &event;
        break;
      default:
        break;
    }
  }
  if (!complete) return tiler.Gap();

  std::uint32_t tid = message.recv_tid;
  if (tid == 0 && handoff)
    tid = static_cast<std::uint32_t>(handoff->args[arg::homa_handoff::tid]);
  const Nanos until = running ? running->time : returned ? returned->time : tiler.limit();
  const Wake wake = WakeReceiver(stage, tid, until);
  if (wake == Wake::kUnknown)
    tiler.Gap();
  else
    WaitForCall(stage, tid, wake, until);
  if (running)
    stage.CloseRunning(tid, wake == Wake::kWoken ? Tile::resume : Tile::notice, running->time);
  else if (!ran_before)
    tiler.Gap();

  bool copied = false;
  for (std::uint32_t i : events) {
    const Event& event = timeline.at(i);
    if (event.args[0] != id || event.time < tiler.cursor()) continue;
    if (event.kind == Kind::homa_copy_out) {
      stage.CloseRunning(tid, Tile::receive, event.time);
      copying = true;
    } else if (event.kind == Kind::homa_copy_out_done) {
      if (!copying) tiler.Gap();
      stage.CloseRunning(tid, Tile::copy_out, event.time);
      copying = false;
      copied = true;
    }
  }
  if (!copied && timeline.trace.has(Kind::homa_copy_out_done)) tiler.Gap();
  if (message.at_return) {
    stage.CloseRunning(tid, Tile::receive,
                       returned ? std::optional<Nanos>(returned->time) : std::nullopt);
    stage.CloseRunning(tid, Tile::syscall_exit, message.end);
  } else {
    stage.CloseRunning(tid, Tile::receive, message.end);
  }
}

void ReceiveFlow(Stage& stage, std::uint64_t proto) {
  const Timeline& timeline = stage.timeline;
  const Message& message = stage.message;
  Tiler& tiler = stage.tiler;
  const std::uint32_t tid = message.recv_tid;

  if (timeline.trace.has(Kind::sk_data_ready)) {
    tiler.Close(Tile::input, DataReady(stage, proto));
  } else {
    // This kernel does not say when a socket has data: input ends with the wake-up.
    const auto waking = timeline.cores.FirstWaking(tid, tiler.cursor(), message.end);
    tiler.Close(Tile::input, waking);
  }
  const Wake wake = WakeReceiver(stage, tid, message.end);
  if (wake == Wake::kUnknown)
    tiler.Gap();
  else
    WaitForCall(stage, tid, wake, message.end);
  stage.CloseRunning(tid, Tile::receive_path, message.end);
}

}  // namespace hs
