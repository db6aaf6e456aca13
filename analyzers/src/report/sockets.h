// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_REPORT_SOCKETS_H
#define HOMASCOPE_REPORT_SOCKETS_H

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "model/sockets.h"

namespace hs {

// A line for each socket and, indented, for each of its RPCs.
std::string ToText(const std::vector<HomaSocket>& sockets);

nlohmann::json ToJson(const std::vector<HomaSocket>& sockets);

}  // namespace hs

#endif  // HOMASCOPE_REPORT_SOCKETS_H
