// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_READ_SOCKETS_H
#define HOMASCOPE_READ_SOCKETS_H

#include <string>
#include <vector>

#include "base/result.h"
#include "model/sockets.h"

namespace hs {

// Reads /proc/net/homa or a copy of it. Fields that are not known here are
// skipped, since later kernels may show more.
Result<std::vector<HomaSocket>> ReadSockets(const std::string& path);

}  // namespace hs

#endif  // HOMASCOPE_READ_SOCKETS_H
