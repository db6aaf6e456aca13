// SPDX-License-Identifier: Apache-2.0
#include "timeline/silence.h"

#include <algorithm>

namespace hs {

std::vector<Silence> FindSilences(const Trace& trace) {
  std::vector<Silence> silences;
  std::vector<bool> thread;   // one is on this CPU
  std::vector<bool> softirq;  // a handler is active there
  Nanos last = 0;
  for (const Event& event : trace.events()) {
    const auto any = [](const std::vector<bool>& cpus) {
      return std::find(cpus.begin(), cpus.end(), true) != cpus.end();
    };
    if (event.time - last >= kSilence && (any(thread) || any(softirq)))
      silences.push_back({last, event.time});
    last = event.time;
    if (event.cpu >= thread.size()) {
      thread.resize(event.cpu + 1u);
      softirq.resize(event.cpu + 1u);
    }
    if (event.kind == Kind::sched_switch)
      thread[event.cpu] = event.args[arg::sched_switch::next_tid] != 0;
    if (event.kind == Kind::softirq_entry) softirq[event.cpu] = true;
    if (event.kind == Kind::softirq_exit) softirq[event.cpu] = false;
  }
  return silences;
}

}  // namespace hs
