// SPDX-License-Identifier: Apache-2.0
#include "client.h"

#include <errno.h>
#include <fmt/core.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>

#include "clock.h"
#include "events.h"

namespace rpcload {
namespace {

// After so many failures in a row there is no server, and a loop that only fails burns a CPU.
constexpr uint32_t kMaxFailuresInARow = 100;

uint64_t Share(uint64_t total, uint64_t parts, uint64_t index) {
  return total / parts + (index < total % parts);
}

class Worker {
 public:
  Worker(const ClientOptions& options, uint32_t index, const ClientFactory& make, Crew* crew,
         Recorder* recorder)
      : options_(options), index_(index), crew_(crew), recorder_(recorder),
        sizes_(options.length, options.seed + index),
        warmup_(Share(options.warmup, options.threads, index)),
        limit_(options.count ? warmup_ + Share(options.count, options.threads, index)
                             : UINT64_MAX),
        slots_(Share(options.outstanding, options.threads, index)) {
    ClientConfig config = {.slots = static_cast<uint32_t>(slots_.size()),
                           .max_response = options.response_length.value_or(options.length.max),
                           .batch = options.batch};
    // Threads together take the servers in turn.
    for (size_t i = 0; i < options.servers.size(); i++)
      config.servers.push_back(options.servers[(index + i * options.threads) % options.servers.size()]);
    transport_ = make(config, &fatal_);
  }

  const std::string& fatal() const { return fatal_; }
  uint64_t first_ns() const { return first_ns_; }
  uint64_t last_ns() const { return last_ns_; }

  void Run() {
    tid_ = static_cast<uint32_t>(gettid());
    uint64_t now = NowNs();
    for (uint32_t slot = 0; slot < slots_.size(); slot++) Start(slot, now);
    // Times of the last system call, and whether an answer of it has been seen and another is left.
    uint64_t recv_call = 0, recv_return = 0;
    bool seen = false, more = false;
    while (in_flight_ && !crew_->stop() && fatal_.empty()) {
      if (!more) {
        seen = false;
        recv_call = options_.log ? NowNs() : 0;
        tt_record_recv_call(RPCLOG_CLIENT);
      }
      Event event = transport_->Receive(true);
      more = event.more;
      if (event.kind == Event::kFatal) {
        fatal_ = ErrnoText("receiving", event.error);
        break;
      }
      bool done = event.kind == Event::kDone && slots_[event.slot].busy;
      if (!done && event.error != EINTR) continue;
      if (done) {
        if (seen) slots_[event.slot].record.flags |= RPCLOG_SAME_CALL;
        TraceReceived(RPCLOG_CLIENT, options_.protocol, slots_[event.slot].record, event.error);
      }
      now = NowNs();
      if (done) {
        if (!seen) recv_return = now;
        seen = true;
        slots_[event.slot].record.recv_call_ns = recv_call;
        slots_[event.slot].record.recv_return_ns = recv_return;
        Finish(event, now);
        Start(event.slot, now);
      }
      if (now >= next_scan_ns_ || event.error == EINTR) GiveUpOverdue(now);
    }
    for (uint32_t slot = 0; slot < slots_.size(); slot++)
      if (slots_[slot].busy) transport_->Abandon(slot);
  }

 private:
  struct Slot {
    rpclog_record record;
    Header header;
    bool busy = false;
  };

  bool Exhausted(uint64_t now) const {
    if (started_ >= limit_) return true;
    return options_.duration_ns && first_ns_ && now >= first_ns_ + options_.duration_ns;
  }

  // Sends the slot's next request. Failed ones are counted and followed by the next.
  void Start(uint32_t index, uint64_t now) {
    Slot& slot = slots_[index];
    while (!Exhausted(now) && !crew_->stop() && fatal_.empty()) {
      uint32_t length = sizes_.Next();
      uint32_t response_length = options_.response_length.value_or(length);
      bool warmup = started_ < warmup_;
      slot.header = Header::Make(length, response_length, started_++);
      slot.record = {};
      slot.record.send_tid = slot.record.recv_tid = tid_;
      slot.record.request_bytes = length;
      slot.record.response_bytes = response_length;
      slot.record.server_port = options_.servers.front().port();
      slot.record.flags = warmup ? RPCLOG_WARMUP : 0;
      const uint8_t* message = messages_.Build(slot.header, length);

      slot.record.send_call_ns = NowNs();
      tt_record_send_call(RPCLOG_CLIENT);
      int error = transport_->Send(index, message, length, response_length, &slot.record.rpc_id);
      slot.record.client_port = transport_->LocalPort(index);
      TraceSent(RPCLOG_CLIENT, options_.protocol, slot.record, error);
      if (options_.log || error) slot.record.send_return_ns = NowNs();

      messages_.Release();
      if (!warmup && !first_ns_) first_ns_ = slot.record.send_call_ns;
      slot.busy = !error;
      in_flight_ += slot.busy;
      if (!error) return;
      now = slot.record.send_return_ns;
      Fail(slot, error);
    }
  }

  void Finish(const Event& event, uint64_t now) {
    Slot& slot = slots_[event.slot];
    slot.busy = false;
    in_flight_--;
    last_ns_ = now;
    int error = event.error ? event.error : Check(slot, event.payload);
    if (error) return Fail(slot, error);
    recorder_->Add(slot.record, now - slot.record.send_call_ns);
    failures_in_a_row_ = 0;
    crew_->Progress(index_);
  }

  int Check(const Slot& slot, const Payload& payload) const {
    if (payload.length != slot.record.response_bytes) return EMSGSIZE;
    uint32_t echoed = std::min(slot.header.size, payload.length);
    if (memcmp(payload.Piece(0), slot.header.bytes, echoed)) return EBADMSG;
    return options_.verify && !PayloadMatches(slot.header, payload) ? EBADMSG : 0;
  }

  void Fail(Slot& slot, int error) {
    slot.record.flags |= RPCLOG_ERROR;
    recorder_->AddError(slot.record, error);
    if (++failures_in_a_row_ == kMaxFailuresInARow)
      fatal_ = ErrnoText(fmt::format("{} RPCs in a row failed, the last with", kMaxFailuresInARow),
                         error);
  }

  void GiveUpOverdue(uint64_t now) {
    next_scan_ns_ = now + options_.timeout_ns / 4;
    for (uint32_t index = 0; index < slots_.size(); index++) {
      Slot& slot = slots_[index];
      if (!slot.busy || now < slot.record.send_call_ns + options_.timeout_ns) continue;
      if (int error = transport_->Abandon(index)) fatal_ = ErrnoText("giving up an RPC", error);
      slot.record.recv_return_ns = now;
      slot.busy = false;
      in_flight_--;
      Fail(slot, ETIMEDOUT);
      Start(index, now);
    }
  }

  const ClientOptions& options_;
  uint32_t index_;
  Crew* crew_;
  Recorder* recorder_;
  std::string fatal_;
  Sizes sizes_;
  MessageBuffer messages_;
  std::unique_ptr<ClientTransport> transport_;
  uint64_t warmup_;
  uint64_t limit_;  // RPCs to start
  std::vector<Slot> slots_;
  uint32_t tid_ = 0;
  uint64_t started_ = 0;
  uint32_t in_flight_ = 0;
  uint32_t failures_in_a_row_ = 0;
  uint64_t first_ns_ = 0;  // first measured request
  uint64_t last_ns_ = 0;   // last completion
  uint64_t next_scan_ns_ = 0;
};

}  // namespace

Recorder RunResult::Total() const {
  Recorder total(0);
  for (const Recorder& r : threads) total.Merge(r);
  return total;
}

RunResult RunClient(const ClientOptions& options, const ClientFactory& make, Crew* crew) {
  RunResult result;
  std::vector<std::unique_ptr<Worker>> workers;
  result.threads.reserve(options.threads);  // workers keep pointers
  for (uint32_t i = 0; i < options.threads; i++) {
    result.threads.emplace_back(options.log ? options.log_records / options.threads : 0);
    workers.push_back(
        std::make_unique<Worker>(options, i, make, crew, &result.threads.back()));
    if (!workers.back()->fatal().empty()) return {.fatal = workers.back()->fatal()};
  }

  crew->Run([&](uint32_t i) { workers[i]->Run(); }, [] {}, options.timeout_ns / 4);

  uint64_t first = UINT64_MAX, last = 0;
  for (const auto& worker : workers) {
    if (result.fatal.empty()) result.fatal = worker->fatal();
    if (worker->first_ns()) first = std::min(first, worker->first_ns());
    last = std::max(last, worker->last_ns());
  }
  result.interrupted = crew->interrupted();
  result.elapsed_ns = first < last ? last - first : 0;
  return result;
}

}  // namespace rpcload
