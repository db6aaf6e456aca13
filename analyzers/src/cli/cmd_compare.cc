// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "report/compare.h"
#include "report/json.h"
#include "report/table.h"

namespace hs {

int RunCompare(const CompareOptions& options) {
  std::vector<Arm> arms;
  for (const std::string& path : options.reports) {
    auto arm = ReadArm(path);
    if (!arm) return Fail(arm.error());
    arms.push_back(std::move(*arm));
  }
  const Comparison comparison = Compare(std::move(arms));
  fmt::print("{}", ToText(comparison));
  if (!options.json.empty())
    if (auto status = WriteFile(options.json, ToJson(comparison).dump(1) + "\n"); !status)
      return Fail(status.error());
  return 0;
}

}  // namespace hs
