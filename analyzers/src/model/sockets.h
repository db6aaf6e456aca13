// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_MODEL_SOCKETS_H
#define HOMASCOPE_MODEL_SOCKETS_H

#include <cstdint>
#include <string>
#include <vector>

namespace hs {

// An RPC as the kernel lists it. Lengths in bytes; -1: not known (yet).
struct SocketRpc {
  std::uint64_t id = 0;
  std::string role;
  std::string state;
  std::string peer;
  std::uint16_t peer_port = 0;
  std::int64_t tx_length = -1;
  std::int64_t tx_sent = 0;
  std::int64_t tx_granted = 0;
  std::int64_t rx_length = -1;
  std::int64_t rx_remaining = 0;
  std::int64_t rx_gaps = 0;
  std::int64_t rx_granted = 0;
  std::vector<std::string> flags;
};

// A Homa socket. Memory and regions in bytes.
struct HomaSocket {
  std::uint16_t port = 0;
  std::string family;
  std::uint64_t uid = 0;
  std::uint64_t inode = 0;
  bool server = false;
  std::uint64_t num_rpcs = 0;
  std::int64_t tx_bytes = 0;
  std::int64_t tx_max = 0;
  std::int64_t rx_bytes = 0;
  std::int64_t rx_max = 0;
  std::uint64_t region = 0;
  std::uint64_t region_free = 0;
  std::vector<SocketRpc> rpcs;  // those the reader may see
};

}  // namespace hs

#endif  // HOMASCOPE_MODEL_SOCKETS_H
