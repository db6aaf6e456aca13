// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "cli/commands.h"

namespace hs {

int Fail(const Error& error) {
  fmt::print(stderr, "homascope: {}\n", error.message);
  return 1;
}

Status WriteFile(const std::string& path, const std::string& text) {
  const std::string part = path + ".part";
  std::ofstream file(part, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (file && std::rename(part.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  std::remove(part.c_str());
  return Error{fmt::format("{}: cannot be written: {}", path, std::strerror(error))};
}

}  // namespace hs
