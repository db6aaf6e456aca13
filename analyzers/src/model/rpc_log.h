// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_MODEL_RPC_LOG_H
#define HOMASCOPE_MODEL_RPC_LOG_H

#include <cstdint>
#include <string>
#include <vector>

#include "timetrace/rpclog.h"

namespace hs {

enum class Transport : std::uint8_t { kHoma = RPCLOG_HOMA, kTcp = RPCLOG_TCP, kUdp = RPCLOG_UDP };

inline const char* TransportName(Transport transport) {
  switch (transport) {
    case Transport::kHoma:
      return "homa";
    case Transport::kTcp:
      return "tcp";
    case Transport::kUdp:
      return "udp";
  }
  return "unknown";
}

// What one process wrote about its RPCs.
struct RpcLog {
  std::string path;
  std::string host;
  bool client = false;
  Transport transport = Transport::kHoma;
  std::uint64_t dropped = 0;  // RPCs the process did not log
  std::vector<rpclog_record> records;
};

}  // namespace hs

#endif  // HOMASCOPE_MODEL_RPC_LOG_H
