// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_REPORT_TABLE_H
#define HOMASCOPE_REPORT_TABLE_H

#include <string>

#include "report/compare.h"
#include "report/report.h"

namespace hs {

// Text for people. The first line of a report says what data was lost.
std::string ToText(const Report& report);
std::string ToText(const Comparison& comparison);

}  // namespace hs

#endif  // HOMASCOPE_REPORT_TABLE_H
