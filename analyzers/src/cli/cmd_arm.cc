// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/commands.h"

namespace hs {

int RunArm(const ArmOptions& options) {
  if (auto status = ArmRecorder(options.proc, options.arming); !status) return Fail(status.error());
  if (options.arming.trigger == "off")
    fmt::print("disarmed\n");
  else
    fmt::print("armed: trigger {}\n", options.arming.trigger);
  return 0;
}

}  // namespace hs
