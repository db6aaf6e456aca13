// SPDX-License-Identifier: Apache-2.0
// What a thread remembers of its RPCs. Everything is allocated and touched at construction.
#ifndef RPCLOAD_RECORDER_H_
#define RPCLOAD_RECORDER_H_

#include <timetrace/rpclog.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "histogram.h"

namespace rpcload {

class Recorder {
 public:
  // log_capacity: records kept for the rpclog, the newest ones when there are more.
  explicit Recorder(size_t log_capacity) : log_(log_capacity) {}

  // A completed RPC; those flagged RPCLOG_WARMUP only go to the log.
  void Add(const rpclog_record& record, uint64_t latency_ns) {
    Log(record);
    if (!(record.flags & RPCLOG_WARMUP)) Count(record, latency_ns);
  }

  // A failed RPC; record.flags must hold RPCLOG_ERROR.
  void AddError(const rpclog_record& record, int error) {
    Log(record);
    errors_++;
    errors_by_errno_[static_cast<size_t>(error) % kErrnos]++;
  }

  uint64_t rpcs() const { return rpcs_; }
  uint64_t errors() const { return errors_; }
  uint64_t request_bytes() const { return request_bytes_; }
  uint64_t response_bytes() const { return response_bytes_; }
  const Histogram& latency() const { return latency_; }
  std::map<std::string, uint64_t> ErrorsByName() const;

  // Counts only, not the log.
  void Merge(const Recorder& other);

  // Records in the order they were added, and how many were overwritten.
  std::vector<rpclog_record> LogRecords() const;
  uint64_t log_dropped() const { return logged_ - std::min<uint64_t>(logged_, log_.size()); }

 private:
  static constexpr size_t kErrnos = 256;

  void Log(const rpclog_record& record) {
    if (!log_.empty()) log_[next_] = record;
    if (++next_ >= log_.size()) next_ = 0;
    logged_++;
  }

  void Count(const rpclog_record& record, uint64_t latency_ns) {
    latency_.Add(latency_ns);
    rpcs_++;
    request_bytes_ += record.request_bytes;
    response_bytes_ += record.response_bytes;
  }

  Histogram latency_;
  uint64_t rpcs_ = 0;
  uint64_t errors_ = 0;
  uint64_t request_bytes_ = 0;
  uint64_t response_bytes_ = 0;
  std::vector<uint64_t> errors_by_errno_ = std::vector<uint64_t>(kErrnos);
  std::vector<rpclog_record> log_;
  size_t next_ = 0;
  uint64_t logged_ = 0;
};

// The content of an rpclog file: the logs of all threads, sorted by time.
std::string EncodeRpclog(rpclog_role role, rpclog_transport transport,
                         const std::vector<Recorder>& threads);

}  // namespace rpcload

#endif  // RPCLOAD_RECORDER_H_
