// SPDX-License-Identifier: Apache-2.0
//
// The flight recorder of this host: what it shall capture, and what it has.
#ifndef HOMASCOPE_READ_RECORDER_H
#define HOMASCOPE_READ_RECORDER_H

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace hs {

struct Arming {
  std::string trigger;  // "homa:rtt p999", "homa:rtt 500", "event homa_drop", "off"
  std::string action = "capture";  // or "freeze", "mark"
  std::uint32_t pre_ms = 10, post_ms = 2;
  std::uint32_t captures = 5;
  std::vector<std::string> groups = {};  // of events, to be switched on
  std::string peers = "";  // networks whose hosts share their captures with this one; empty: as it was
};

// Arms the trigger of the recorder below @proc ("/proc"). What was captured before is forgotten, but for "off" and what
// the recorder refuses.
Status ArmRecorder(const std::string& proc, const Arming& arming);

// Copies all captures below @proc into the directory @to, which is made when it is missing, as
// <prefix><number>.ttd. Files of that name must not exist. The paths written, in order of their numbers.
Result<std::vector<std::string>> CollectCaptures(const std::string& proc, const std::string& to,
                                         const std::string& prefix);

}  // namespace hs

#endif  // HOMASCOPE_READ_RECORDER_H
