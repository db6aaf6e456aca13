// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_REPORT_CSV_H
#define HOMASCOPE_REPORT_CSV_H

#include <string>
#include <vector>

#include "attribute/attribute.h"

namespace hs {

// One line per RPC: id, start_ns, rtt_ns, then every tile in ns.
std::string ToCsv(const std::vector<RpcTiles>& rpcs);

}  // namespace hs

#endif  // HOMASCOPE_REPORT_CSV_H
