// SPDX-License-Identifier: Apache-2.0
#include "read/timetrace.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace hs {
namespace {

// Where the arguments of one event of the dump belong in the model.
struct Mapping {
  std::optional<Kind> kind;
  unsigned nargs = 0;
  std::array<std::uint8_t, kMaxArgs> from{};  // argument of the record, by our position
};

// Fields are matched by name: a dump of another version may have more of
// them, or another order. Without one of ours the event cannot be used.
Mapping MapEvent(const tt_event_desc& event) {
  Mapping mapping;
  const auto kind = FindKind(event.name);
  if (!kind) return mapping;
  std::string_view fields = Info(*kind).fields;
  while (!fields.empty()) {
    const auto comma = fields.find(',');
    const std::string_view name = fields.substr(0, comma);
    fields = comma == fields.npos ? "" : fields.substr(fields.find_first_not_of(" ,", comma));
    unsigned i = 0;
    while (i < event.nargs && event.fields[i].name != name) i++;
    if (i == event.nargs) return mapping;
    mapping.from[mapping.nargs++] = static_cast<std::uint8_t>(i);
  }
  mapping.kind = kind;
  return mapping;
}

}  // namespace

Result<TimetraceReader> OpenTimetrace(const std::string& path) {
  tt_reader* reader = nullptr;
  char error[256] = "";
  if (tt_open(path.c_str(), &reader, error, sizeof(error)) != 0) {
    std::string text = error;
    if (text.find(path) == text.npos) text = path + ": " + text;
    return Error{text};
  }
  return TimetraceReader(reader);
}

ImportStats ReadLosses(const tt_reader* reader) {
  ImportStats stats;
  const std::uint32_t cpus = tt_info(reader)->first_thread;
  for (int reason = 0; reason < TT_LOSS_REASONS; reason++) {
    std::uint64_t& lost = stats.lost[tt_loss_name(static_cast<tt_loss>(reason))];
    for (std::uint32_t cpu = 0; cpu < cpus; cpu++)
      lost += tt_lost(reader, cpu, static_cast<tt_loss>(reason));
  }
  for (std::uint32_t cpu = 0; cpu < cpus; cpu++) stats.produced += tt_produced(reader, cpu);
  return stats;
}

Result<Trace> ReadTimetrace(const std::string& path) {
  auto opened = OpenTimetrace(path);
  if (!opened) return opened.error();
  tt_reader* reader = opened->get();
  const struct tt_info* info = ::tt_info(reader);

  Trace trace;
  trace.path = path;
  trace.host = info->host;
  trace.release = info->release;
  trace.clock = info->clock;
  trace.record_cost = static_cast<Nanos>(info->record_cost_ns);

  std::vector<Mapping> mappings;
  for (std::uint32_t i = 0; i < info->events; i++)
    mappings.push_back(MapEvent(*tt_event(reader, i)));
  std::vector<std::uint64_t> unused(info->events);
  std::vector<Nanos> last(std::max(info->first_thread, 1u));  // event in the ring of each CPU
  tt_record record;
  std::uint64_t records = 0;
  int rc;
  while ((rc = tt_next(reader, &record)) == 1) {
    records++;
    if (record.ring < last.size()) last[record.ring] = static_cast<Nanos>(record.time_ns);
    const Mapping& mapping = mappings[record.event];
    if (!mapping.kind) {
      unused[record.event]++;
      continue;
    }
    Event event{static_cast<Nanos>(record.time_ns), record.cpu, *mapping.kind, {}};
    for (unsigned i = 0; i < mapping.nargs; i++) event.args[i] = record.args[mapping.from[i]];
    trace.Add(event);
  }
  // Losses are complete only after everything was read.
  trace.stats = ReadLosses(reader);
  trace.stats.records = records;
  if (rc < 0) trace.stats.damage = tt_error(reader);
  for (std::uint32_t i = 0; i < info->events; i++)
    if (unused[i] > 0) trace.stats.unused[tt_event(reader, i)->name] = unused[i];

  // What threads of applications lost says nothing about the rest.
  for (std::uint32_t cpu = 0; cpu < info->first_thread; cpu++) {
    const auto since = static_cast<Nanos>(tt_complete_since_ns(reader, cpu));
    if (since > 0) trace.lost_before = true;
    trace.complete_from = std::max(trace.complete_from, since);
  }
  // A freeze ends the trace everywhere; a full ring silences its own CPU.
  const bool frozen = trace.stats.lost[tt_loss_name(TT_LOSS_FROZEN)] > 0;
  trace.complete_to = frozen || rc < 0 ? *std::max_element(last.begin(), last.end())
                                       : static_cast<Nanos>(info->dump_time_ns);
  for (std::uint32_t cpu = 0; cpu < info->first_thread; cpu++)
    if (tt_lost(reader, cpu, TT_LOSS_FULL) > 0)
      trace.complete_to = std::min(trace.complete_to, last[cpu]);
  trace.Finish();
  return trace;
}

}  // namespace hs
