// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>
#include <iterator>

#include "cli/commands.h"
#include "read/timetrace.h"

namespace hs {
namespace {

// Signed values come sign-extended.
std::string Value(const tt_field& field, std::uint64_t value) {
  if (field.type == TT_S32) return fmt::format("{}", static_cast<std::int64_t>(value));
  return fmt::format("{}", value);
}

}  // namespace

int RunDump(const DumpOptions& options) {
  auto opened = OpenTimetrace(options.trace);
  if (!opened) return Fail(opened.error());
  tt_reader* reader = opened->get();

  std::vector<bool> wanted(tt_info(reader)->events, options.events.empty());
  for (const std::string& name : options.events) {
    const int event = tt_find_event(reader, name.c_str());
    if (event < 0)
      return Fail(Error{fmt::format("{}: has no event called {}; homascope info --trace lists them",
                                    options.trace, name)});
    wanted[static_cast<std::size_t>(event)] = true;
  }
  tt_record record;
  int rc;
  std::string line;
  while ((rc = tt_next(reader, &record)) == 1) {
    const auto time = static_cast<std::int64_t>(record.time_ns);
    if (!wanted[record.event] || (options.from && time < *options.from) ||
        (options.to && time > *options.to))
      continue;
    const tt_event_desc& event = *tt_event(reader, record.event);
    line.clear();
    fmt::format_to(std::back_inserter(line), "{} {:03} {}", time, record.cpu, event.name);
    for (unsigned i = 0; i < record.nargs; i++)
      fmt::format_to(std::back_inserter(line), " {}={}", event.fields[i].name,
                     Value(event.fields[i], record.args[i]));
    line += '\n';
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size())
      return Fail(Error{"standard output cannot be written"});
  }
  if (rc < 0) return Fail(Error{fmt::format("{}: {}", options.trace, tt_error(reader))});
  return 0;
}

}  // namespace hs
