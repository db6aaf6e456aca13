// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_MODEL_TRACE_BUILDER_H
#define HOMASCOPE_MODEL_TRACE_BUILDER_H

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

#include "model/trace.h"

namespace hs {

// Writes a trace by hand, for tests and benchmarks:
//
//   TraceBuilder b;
//   b.Cpu(0).At(100, Kind::homa_send_enter, {id, length});
//   Trace trace = b.Build();
class TraceBuilder {
 public:
  TraceBuilder& Cpu(std::uint16_t cpu) {
    cpu_ = cpu;
    return *this;
  }

  TraceBuilder& At(Nanos time, Kind kind, std::initializer_list<std::uint64_t> args) {
    Event event{time, cpu_, kind, {}};
    std::copy(args.begin(), args.end(), event.args.begin());
    events.push_back(event);
    return *this;
  }

  // The trace covers [from, to] whatever events it holds.
  Trace Build(Nanos from = 0, Nanos to = 1'000'000'000) const {
    Trace trace;
    for (const Event& event : events) trace.Add(event);
    trace.complete_to = to;
    trace.Finish();
    trace.complete_from = from;
    return trace;
  }

  std::vector<Event> events;

 private:
  std::uint16_t cpu_ = 0;
};

}  // namespace hs

#endif  // HOMASCOPE_MODEL_TRACE_BUILDER_H
