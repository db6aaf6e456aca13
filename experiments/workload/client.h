// SPDX-License-Identifier: Apache-2.0
// The client engine: closed loop. Every slot sends its next request as soon as the answer to the
// last one is there; a thread serves its share of the slots.
#ifndef RPCLOAD_CLIENT_H_
#define RPCLOAD_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crew.h"
#include "recorder.h"
#include "sizes.h"
#include "transport.h"

namespace rpcload {

struct ClientOptions {
  Protocol protocol = Protocol::kHoma;
  std::vector<Address> servers = {};        // RPCs in flight are shared out among them
  SizeRange length = {};
  std::optional<uint32_t> response_length = {};  // else that of the request
  uint32_t outstanding = 1;                 // RPCs in flight, over all threads
  uint32_t threads = 1;
  uint32_t batch = 1;                       // see ClientConfig
  uint64_t count = 10000;                   // measured RPCs over all threads, 0: no limit
  uint64_t duration_ns = 0;                 // of the measured part, 0: no limit
  uint64_t warmup = 0;                      // RPCs before the measured ones, over all threads
  uint64_t timeout_ns = 5'000'000'000;      // an RPC without answer fails after this time
  uint64_t seed = 1;
  bool verify = false;                      // compare every byte of the responses
  bool log = false;                         // take all times and keep records
  size_t log_records = 0;                   // records kept over all threads
};

struct RunResult {
  std::string fatal = {};  // why the run could not be completed, "" if it was
  bool interrupted = false;
  uint64_t elapsed_ns = 0;
  std::vector<Recorder> threads = {};  // empty if the run could not start

  // The counts of all threads.
  Recorder Total() const;
};

using ClientFactory =
    std::function<std::unique_ptr<ClientTransport>(const ClientConfig&, std::string* error)>;

// make: MakeClient for options.protocol, or a fake.
RunResult RunClient(const ClientOptions& options, const ClientFactory& make, Crew* crew);

}  // namespace rpcload

#endif  // RPCLOAD_CLIENT_H_
