// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "read/sockets.h"
#include "report/sockets.h"

namespace hs {

int RunSs(const SsOptions& options) {
  auto sockets = ReadSockets(options.from);
  if (!sockets) return Fail(sockets.error());
  if (options.port)
    sockets->erase(std::remove_if(sockets->begin(), sockets->end(),
                                  [&](const HomaSocket& s) { return s.port != *options.port; }),
                   sockets->end());
  fmt::print("{}", ToText(*sockets));
  if (!options.json.empty())
    if (auto status = WriteFile(options.json, ToJson(*sockets).dump(1) + "\n"); !status)
      return Fail(status.error());
  return 0;
}

}  // namespace hs
