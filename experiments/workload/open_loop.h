// SPDX-License-Identifier: Apache-2.0
// The open-loop engine: requests are due at random times, whatever is outstanding. A request that
// finds all slots of its server taken waits, and its wait counts: times run from when it was due.
#ifndef RPCLOAD_OPEN_LOOP_H_
#define RPCLOAD_OPEN_LOOP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client.h"
#include "length_table.h"

namespace rpcload {

struct OpenLoopOptions {
  Protocol protocol = Protocol::kHoma;
  std::vector<Address> servers = {};   // of equal shares
  LengthTable lengths = {};            // of requests, and of their responses
  double interval_ns = 0;              // mean distance of requests; exponentially distributed
  uint32_t outstanding = 64;           // RPCs in flight per server
  uint64_t duration_ns = 0;            // in which requests are due
  uint64_t warmup_ns = 0;              // of it; those due earlier are not counted
  uint64_t timeout_ns = 5'000'000'000;
  uint64_t seed = 1;
  bool verify = false;
  bool log = false;
  size_t log_records = 0;
};

// One RPC that was counted or failed.
struct OpenLoopRpc {
  uint64_t due_ns;        // CLOCK_MONOTONIC
  uint32_t server;        // index
  uint32_t length;        // of the request, and of its response
  uint64_t late_ns;       // how long after that it was sent
  uint64_t latency_ns;    // from when it was due; of failed ones until the failure
  int error;              // errno or 0
};

struct OpenLoopResult {
  RunResult run = {};
  std::vector<OpenLoopRpc> rpcs = {};
  uint64_t due_bytes = 0;  // of all requests, warm-up included
};

OpenLoopResult RunOpenLoop(const OpenLoopOptions& options, const ClientFactory& make, Crew* crew);

}  // namespace rpcload

#endif  // RPCLOAD_OPEN_LOOP_H_
