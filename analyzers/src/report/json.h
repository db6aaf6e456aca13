// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_REPORT_JSON_H
#define HOMASCOPE_REPORT_JSON_H

#include <nlohmann/json_fwd.hpp>

#include "report/compare.h"
#include "report/report.h"

namespace hs {

// The forms described in docs/attribution.md.
nlohmann::ordered_json ToJson(const Report& report);
nlohmann::ordered_json ToJson(const Comparison& comparison);

}  // namespace hs

#endif  // HOMASCOPE_REPORT_JSON_H
