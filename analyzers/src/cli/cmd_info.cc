// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/commands.h"
#include "read/timetrace.h"

namespace hs {

int RunInfo(const InfoOptions& options) {
  auto opened = OpenTimetrace(options.trace);
  if (!opened) return Fail(opened.error());
  tt_reader* reader = opened->get();
  const struct tt_info* info = ::tt_info(reader);

  std::vector<std::uint64_t> by_event(info->events);
  std::vector<std::uint64_t> by_ring(info->cpus);
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  tt_record record;
  int rc;
  while ((rc = tt_next(reader, &record)) == 1) {
    if (first == 0) first = record.time_ns;
    last = record.time_ns;
    by_event[record.event]++;
    by_ring[record.ring]++;
  }
  fmt::print("{}: host {}, kernel {}, clock {} (ns), {} ns per record\n", options.trace, info->host,
             info->release, info->clock, info->record_cost_ns);
  fmt::print("from {} to {}: {:.6f} s; dumped at {}\n\n", first, last,
             static_cast<double>(last - first) / 1e9, info->dump_time_ns);
  fmt::print("{:>4} {:>12} {:>12}", "cpu", "produced", "read");
  for (int reason = 0; reason < TT_LOSS_REASONS; reason++)
    fmt::print(" {:>12}", tt_loss_name(static_cast<tt_loss>(reason)));
  fmt::print("  complete since\n");
  for (std::uint32_t cpu = 0; cpu < info->cpus; cpu++) {
    fmt::print("{:>4} {:>12} {:>12}", cpu, tt_produced(reader, cpu), by_ring[cpu]);
    for (int reason = 0; reason < TT_LOSS_REASONS; reason++)
      fmt::print(" {:>12}", tt_lost(reader, cpu, static_cast<tt_loss>(reason)));
    fmt::print("  {}\n", tt_complete_since_ns(reader, cpu));
  }
  fmt::print("\n{:<22} {:<8} {:>10}  meaning\n", "event", "group", "records");
  for (std::uint32_t i = 0; i < info->events; i++) {
    const tt_event_desc& event = *tt_event(reader, i);
    fmt::print("{:<22} {:<8} {:>10}  {}\n", event.name, event.group, by_event[i], event.doc);
  }
  if (rc < 0) return Fail(Error{fmt::format("{}: {}", options.trace, tt_error(reader))});
  return 0;
}

}  // namespace hs
