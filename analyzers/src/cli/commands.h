// SPDX-License-Identifier: Apache-2.0
//
// The commands of homascope, one file each. All return the exit status: 0, or
// 1 after one line on standard error that says what is wrong.
#ifndef HOMASCOPE_CLI_COMMANDS_H
#define HOMASCOPE_CLI_COMMANDS_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "read/recorder.h"

namespace hs {

struct AttributeOptions {
  std::vector<std::string> traces;  // one a host
  std::vector<std::string> rpc_logs;
  std::string json;
  std::string csv;
};
int RunAttribute(const AttributeOptions& options);

struct ArmOptions {
  std::string proc = "/proc";
  Arming arming;
};
int RunArm(const ArmOptions& options);

struct CollectOptions {
  std::string proc = "/proc";
  std::string host;
  std::string to;
};
int RunCollect(const CollectOptions& options);

struct DumpOptions {
  std::string trace;
  std::optional<std::int64_t> from;
  std::optional<std::int64_t> to;
  std::vector<std::string> events;
};
int RunDump(const DumpOptions& options);

struct InfoOptions {
  std::string trace;
};
int RunInfo(const InfoOptions& options);

struct SsOptions {
  std::string from;
  std::optional<std::uint16_t> port;
  std::string json;
};
int RunSs(const SsOptions& options);

struct CompareOptions {
  std::vector<std::string> reports;
  std::string json;
};
int RunCompare(const CompareOptions& options);

// Prints the error as a command ends: always returns 1.
int Fail(const Error& error);

// Writes @text to @path, or leaves nothing there.
Status WriteFile(const std::string& path, const std::string& text);

}  // namespace hs

#endif  // HOMASCOPE_CLI_COMMANDS_H
