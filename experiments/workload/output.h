// SPDX-License-Identifier: Apache-2.0
// Files that are there completely or not at all.
#ifndef RPCLOAD_OUTPUT_H_
#define RPCLOAD_OUTPUT_H_

#include <string>

namespace rpcload {

// Writes a temporary file beside path and renames it. False with one line in *error.
bool WriteFile(const std::string& path, const std::string& bytes, std::string* error);

}  // namespace rpcload

#endif  // RPCLOAD_OUTPUT_H_
