// SPDX-License-Identifier: Apache-2.0
//
// From "message ready" to "the receiver runs". The thread sleeps, waits for a
// CPU, or runs already:
//
//   ready ── handoff ── waking ── softirq_tail ── wakeup | runqueue ── switched in
//
// The wait after the waking is charged to what the thread's CPU did instead,
// switch by switch: the softirq that woke it, another thread, or nothing.
#include <algorithm>

#include "attribute/stages.h"

namespace hs {
namespace {

void SplitWait(Stage& stage, std::uint32_t tid, std::uint16_t cpu, Nanos switched_in) {
  const Cores& cores = stage.timeline.cores;
  Tiler& tiler = stage.tiler;
  if (auto exit = cores.SoftirqExit(cpu, tiler.cursor()); exit && *exit < switched_in)
    tiler.Close(Tile::softirq_tail, exit);
  for (const CoreSwitch& next : cores.Switches(cpu, tiler.cursor(), switched_in)) {
    const auto running = cores.Running(cpu, tiler.cursor());
    Tile tile = Tile::runqueue;
    if (!running)
      tile = Tile::unexplained;
    else if (*running == 0 || *running == tid)
      tile = Tile::wakeup;
    else if (*running == stage.message.send_tid)
      tile = Tile::behind_sender;
    tiler.Close(tile, next.time);
  }
}

// Whether a thread that is being woken at @waking was asleep, or fell asleep
// before the waking could stop it.
bool Asleep(const Cores& cores, std::uint32_t tid, Nanos waking, Nanos until) {
  const ThreadSwitch* state = cores.ThreadState(tid, waking);
  if (!state || !state->in) return true;
  const auto next = cores.ThreadSwitches(tid, waking, until);
  return !next.empty() && !next.front().in && !next.front().runnable;
}

const ThreadSwitch* FirstIn(std::span<const ThreadSwitch> switches) {
  auto it = std::find_if(switches.begin(), switches.end(),
                         [](const ThreadSwitch& s) { return s.in; });
  return it == switches.end() ? nullptr : &*it;
}

}  // namespace

Wake WakeReceiver(Stage& stage, std::uint32_t tid, Nanos until) {
  const Cores& cores = stage.timeline.cores;
  Tiler& tiler = stage.tiler;
  const Nanos ready = tiler.cursor();
  const ThreadSwitch* state = cores.ThreadState(tid, ready);

  // The wake-up that this message caused, or one that is under way.
  auto waking = cores.FirstWaking(tid, ready, until);
  if (!waking && state && !state->in && !state->runnable)
    waking = cores.LastWaking(tid, state->time, ready);

  const ThreadSwitch* in = nullptr;
  if (waking && Asleep(cores, tid, *waking, until)) {
    in = FirstIn(cores.ThreadSwitches(tid, *waking, until));
    if (in && *waking > ready) tiler.Close(Tile::handoff, waking);
  } else if (state && !state->in) {
    in = FirstIn(cores.ThreadSwitches(tid, ready, until));
    if (in && !state->runnable) tiler.Gap();  // slept; what woke it is missing
  }
  if (in) {
    SplitWait(stage, tid, in->cpu, in->time);
    stage.cpus.receive = in->cpu;
    return Wake::kWoken;
  }
  state = cores.ThreadState(tid, until);
  // One that is switched out at the very end ran until then.
  if (!state || (!state->in && state->time < until)) return Wake::kUnknown;
  stage.cpus.receive = state->cpu;
  return Wake::kRunning;
}

void Stage::CloseRunning(std::uint32_t tid, Tile tile, std::optional<Nanos> time) {
  if (tid != 0 && time && *time <= tiler.limit()) {
    bool preempted = false;
    for (const ThreadSwitch& s : timeline.cores.ThreadSwitches(tid, tiler.cursor(), *time)) {
      if (!s.in && s.runnable) {
        tiler.Close(tile, s.time);
        preempted = true;
      } else if (s.in && preempted) {
        tiler.Close(Tile::preempted, s.time);
        preempted = false;
      }
    }
  }
  tiler.Close(tile, time);
}

}  // namespace hs
