// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "net.h"

namespace rpcload {

bool WriteFile(const std::string& path, const std::string& bytes, std::string* error) {
  std::string temporary = path + ".tmp" + std::to_string(getpid());
  FILE* file = fopen(temporary.c_str(), "wb");
  bool good = file && fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  int failed = good ? 0 : errno;
  if (file && fclose(file) && good) {
    good = false;
    failed = errno;
  }
  if (good && rename(temporary.c_str(), path.c_str())) {
    good = false;
    failed = errno;
  }
  if (good) return true;
  if (file) unlink(temporary.c_str());
  *error = ErrnoText("write " + path, failed);
  return false;
}

}  // namespace rpcload
