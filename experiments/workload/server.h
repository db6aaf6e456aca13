// SPDX-License-Identifier: Apache-2.0
// The server engine: every thread takes a request, answers it, takes the next.
#ifndef RPCLOAD_SERVER_H_
#define RPCLOAD_SERVER_H_

#include <cstdint>
#include <functional>

#include "client.h"
#include "crew.h"
#include "transport.h"

namespace rpcload {

struct ServerOptions {
  Protocol protocol = Protocol::kHoma;
  ServerConfig config;
  bool verify = false;     // compare every byte of the requests
  bool times = false;      // measure service times
  size_t log_records = 0;  // records kept over all threads; needs times
};

// Serves until the crew is stopped. Latencies are service times: from the return of the receiving
// call to the return of the sending one. ready() is called when requests are accepted.
RunResult RunServer(const ServerOptions& options, Listener* listener, Crew* crew,
                    const std::function<void()>& ready);

}  // namespace rpcload

#endif  // RPCLOAD_SERVER_H_
