// SPDX-License-Identifier: Apache-2.0
//
// Events per second from a trace in memory to a report. 20,000 RPCs are what
// a ring of some MiB per CPU holds of a 100-byte ping-pong; sorting and the
// binary searches are no longer flattered by the caches at that size.
#include <benchmark/benchmark.h>

#include "attribute/attribute.h"
#include "attribute/testing.h"
#include "report/report.h"

namespace hs {
namespace {

struct Input {
  std::vector<Event> events;
  std::vector<RpcLog> logs;
};

Input ManyRpcs(std::uint64_t n) {
  Input input;
  input.logs.resize(2);
  input.logs[0].client = true;
  Nanos shift = 0;
  for (std::uint64_t i = 0; i < n; i++) {
    testing::Script script = testing::HomaRpc(2 * i + 2, i % 3);
    for (Event& event : script.trace.events) {
      event.time += shift;
      input.events.push_back(event);
    }
    for (rpclog_record* record : {&script.client, &script.server})
      for (std::uint64_t* time : {&record->send_call_ns, &record->send_return_ns,
                                  &record->recv_call_ns, &record->recv_return_ns})
        *time += static_cast<std::uint64_t>(shift);
    input.logs[0].records.push_back(script.client);
    input.logs[1].records.push_back(script.server);
    shift += script.now;
  }
  return input;
}

void Attribute(benchmark::State& state) {
  const Input input = ManyRpcs(static_cast<std::uint64_t>(state.range(0)));
  for (auto _ : state) {
    Trace trace;
    trace.Reserve(input.events.size());
    for (const Event& event : input.events) trace.Add(event);
    trace.Finish();
    const Timeline timeline(trace);
    auto set = FindRpcs(timeline, input.logs);
    const Report report = MakeReport(trace, *set, AttributeAll(timeline, *set));
    if (report.rpcs + 1 < input.logs[0].records.size()) state.SkipWithError("RPCs are missing");
    benchmark::DoNotOptimize(report.rtt.p50);
  }
  state.counters["events/s"] =
      benchmark::Counter(static_cast<double>(input.events.size()) *
                             static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(Attribute)->Arg(1000)->Arg(20000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hs

BENCHMARK_MAIN();
