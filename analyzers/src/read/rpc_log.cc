// SPDX-License-Identifier: Apache-2.0
#include "read/rpc_log.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

namespace hs {

Result<RpcLog> ReadRpcLog(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{path + ": cannot be opened"};
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return Error{path + ": cannot be read"};

  rpclog_header header;
  if (bytes.size() < sizeof(header)) return Error{path + ": too short to be an RPC log"};
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != RPCLOG_MAGIC)
    return Error{path + ": not an RPC log; write one with rpcload --rpclog"};
  // Later writers may append to both structures, so their own sizes count.
  if (header.header_bytes < sizeof(header) || header.header_bytes > bytes.size() ||
      header.record_bytes < sizeof(rpclog_record))
    return Error{path + ": its header names impossible sizes; the file is damaged"};
  if (header.role != RPCLOG_CLIENT && header.role != RPCLOG_SERVER)
    return Error{path + ": its role is neither client nor server; the file is damaged"};
  if (header.transport < RPCLOG_HOMA || header.transport > RPCLOG_UDP)
    return Error{path + ": its transport is unknown to this homascope"};
  const std::size_t space = bytes.size() - header.header_bytes;
  const std::size_t held = space / header.record_bytes;
  if (space % header.record_bytes != 0 || (header.records != 0 && header.records != held))
    return Error{path + ": ends in the middle of its records; let rpcload end before copying it"};

  RpcLog log;
  log.path = path;
  log.host.assign(header.host, strnlen(header.host, sizeof(header.host)));
  log.client = header.role == RPCLOG_CLIENT;
  log.transport = static_cast<Transport>(header.transport);
  log.dropped = header.dropped;
  log.records.resize(held);
  for (std::size_t i = 0; i < held; i++)
    std::memcpy(&log.records[i], bytes.data() + header.header_bytes + i * header.record_bytes,
                sizeof(rpclog_record));
  return log;
}

}  // namespace hs
