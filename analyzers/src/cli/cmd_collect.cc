// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include "cli/commands.h"
#include "read/timetrace.h"

namespace hs {

int RunCollect(const CollectOptions& options) {
  char name[65] = "";
  gethostname(name, sizeof(name) - 1);
  const std::string host = options.host.empty() ? name : options.host;
  auto paths = CollectCaptures(options.proc, options.to, host + "-");
  if (!paths) return Fail(paths.error());
  for (const std::string& path : *paths) {
    auto reader = OpenTimetrace(path);
    if (!reader) return Fail(reader.error());
    const auto* info = ::tt_info(reader->get());
    fmt::print("{}: capture {:016x} until {} ns{}\n", path, info->capture, info->dump_time_ns,
               *tt_error(reader->get()) ? ", damaged" : "");
  }
  if (paths->empty()) return Fail(Error{"nothing has been captured"});
  return 0;
}

}  // namespace hs
