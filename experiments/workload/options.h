// SPDX-License-Identifier: Apache-2.0
// Command-line options that both commands share. The only header that includes CLI11.
#ifndef RPCLOAD_OPTIONS_H_
#define RPCLOAD_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "transport.h"

namespace rpcload {

struct CommonOptions {
  Protocol protocol = Protocol::kHoma;
  std::string address;
  uint16_t port = 0;
  uint32_t threads = 1;
  bool verify = false;
  std::string rpclog;
  size_t rpclog_max = 262144;
  std::string json;
  bool trace = false;
  uint32_t batch = 1;
};

// address_option: "--server" or "--bind".
void AddCommon(CLI::App* app, CommonOptions* options, const char* address_option,
               const char* address_help);

// Parses options and addresses. Exit status, or -1 to go on.
int ParseCommon(CLI::App* app, int argc, char** argv, const CommonOptions& options,
                std::vector<Address>* addresses);

// --batch of closed loops, and after parsing what is wrong with it, or "".
void AddBatch(CLI::App* app, CommonOptions* options);
std::string CheckBatch(const CommonOptions& options);

// Begins to record in the trace of the kernel if that is asked for; false with a line in *error.
bool StartTrace(const CommonOptions& options, std::string* error);

// Prints "rpcload: line" to stderr and returns status.
int Complain(const std::string& line, int status);

}  // namespace rpcload

#endif  // RPCLOAD_OPTIONS_H_
