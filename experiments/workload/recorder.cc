// SPDX-License-Identifier: Apache-2.0
#include "recorder.h"

#include <unistd.h>

#include "net.h"

namespace rpcload {

std::map<std::string, uint64_t> Recorder::ErrorsByName() const {
  std::map<std::string, uint64_t> names;
  for (size_t e = 0; e < kErrnos; e++)
    if (errors_by_errno_[e]) names[ErrnoName(static_cast<int>(e))] = errors_by_errno_[e];
  return names;
}

void Recorder::Merge(const Recorder& other) {
  latency_.Merge(other.latency_);
  rpcs_ += other.rpcs_;
  errors_ += other.errors_;
  request_bytes_ += other.request_bytes_;
  response_bytes_ += other.response_bytes_;
  for (size_t e = 0; e < kErrnos; e++) errors_by_errno_[e] += other.errors_by_errno_[e];
}

std::vector<rpclog_record> Recorder::LogRecords() const {
  auto oldest = log_.begin() + static_cast<ptrdiff_t>(next_);
  if (logged_ <= log_.size())
    return {log_.begin(), log_.begin() + static_cast<ptrdiff_t>(logged_)};
  std::vector<rpclog_record> records(oldest, log_.end());
  records.insert(records.end(), log_.begin(), oldest);
  return records;
}

std::string EncodeRpclog(rpclog_role role, rpclog_transport transport,
                         const std::vector<Recorder>& threads) {
  rpclog_header header = {};
  header.magic = RPCLOG_MAGIC;
  header.header_bytes = sizeof(header);
  header.record_bytes = sizeof(rpclog_record);
  header.role = static_cast<uint8_t>(role);
  header.transport = static_cast<uint8_t>(transport);
  gethostname(header.host, sizeof(header.host) - 1);

  std::vector<rpclog_record> records;
  for (const Recorder& thread : threads) {
    std::vector<rpclog_record> part = thread.LogRecords();
    records.insert(records.end(), part.begin(), part.end());
    header.dropped += thread.log_dropped();
  }
  // By the time an RPC entered the process.
  auto time = [role](const rpclog_record& r) {
    return role == RPCLOG_CLIENT ? r.send_call_ns : r.recv_return_ns;
  };
  std::stable_sort(records.begin(), records.end(),
                   [&](const auto& a, const auto& b) { return time(a) < time(b); });
  header.records = records.size();

  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes.append(reinterpret_cast<const char*>(records.data()),
               records.size() * sizeof(rpclog_record));
  return bytes;
}

}  // namespace rpcload
