// SPDX-License-Identifier: Apache-2.0
#include "open_loop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "clock.h"
#include "events.h"

namespace rpcload {
namespace {

struct Request {
  uint64_t due_ns;
  uint32_t length;
};

struct Slot {
  rpclog_record record = {};
  Header header = {};
  uint64_t due_ns = 0;
  bool busy = false;
};

// A server, what is under way to it and what waits for a slot.
struct Target {
  std::unique_ptr<ClientTransport> transport;
  std::vector<Slot> slots;
  std::vector<uint32_t> free;
  std::deque<Request> waiting;
};

class Engine {
 public:
  Engine(const OpenLoopOptions& options, const ClientFactory& make, Crew* crew,
         OpenLoopResult* result)
      : options_(options), crew_(crew), result_(result), random_(options.seed) {
    for (const Address& server : options.servers) {
      Target target;
      ClientConfig config = {{server}, options.outstanding, options.lengths.Max(), true};
      target.transport = make(config, &fatal_);
      if (!target.transport) return;
      target.slots.resize(options.outstanding);
      for (uint32_t slot = options.outstanding; slot-- > 0;) target.free.push_back(slot);
      polls_.push_back({target.transport->PollFd(), POLLIN, 0});
      targets_.push_back(std::move(target));
    }
  }

  const std::string& fatal() const { return fatal_; }
  uint64_t elapsed_ns() const { return last_ns_ > measured_ns_ ? last_ns_ - measured_ns_ : 0; }

  void Run() {
    prctl(PR_SET_TIMERSLACK, 1);  // requests shall leave when they are due
    tid_ = static_cast<uint32_t>(gettid());
    const uint64_t start = NowNs();
    measured_ns_ = start + options_.warmup_ns;
    end_ns_ = start + options_.duration_ns;
    next_due_ns_ = start;
    PlanNext();
    next_scan_ns_ = start + options_.timeout_ns / 4;
    uint64_t now = start;
    while (!crew_->stop() && fatal_.empty()) {
      while (next_due_ns_ <= now && next_due_ns_ < end_ns_) Due(now);
      if (now >= next_scan_ns_) GiveUpOverdue(now);
      if (next_due_ns_ >= end_ns_ && !in_flight_) break;
      const bool ready = Wait(now);
      if (!ready) now = NowNs();
      for (size_t i = 0; ready && i < targets_.size(); i++)
        if (polls_[i].revents) now = Take(static_cast<uint32_t>(i));
    }
    for (Target& target : targets_)
      for (uint32_t slot = 0; slot < target.slots.size(); slot++)
        if (target.slots[slot].busy) target.transport->Abandon(slot);
  }

 private:
  void PlanNext() {
    next_due_ns_ += static_cast<uint64_t>(-std::log(random_.Fraction()) * options_.interval_ns);
  }

  void Due(uint64_t now) {
    const auto server = random_.Below(static_cast<uint32_t>(targets_.size()));
    const uint32_t length = options_.lengths.Draw(&random_);
    result_->due_bytes += length;
    targets_[server].waiting.push_back({next_due_ns_, length});
    PlanNext();
    StartWaiting(server, now);
  }

  void StartWaiting(uint32_t server, uint64_t now) {
    Target& target = targets_[server];
    while (!target.waiting.empty() && !target.free.empty() && fatal_.empty()) {
      const Request request = target.waiting.front();
      const uint32_t index = target.free.back();
      Slot& slot = target.slots[index];
      target.waiting.pop_front();
      slot.due_ns = request.due_ns;
      slot.header = Header::Make(request.length, request.length, sent_++);
      slot.record = {};
      slot.record.send_tid = slot.record.recv_tid = tid_;
      slot.record.request_bytes = slot.record.response_bytes = request.length;
      slot.record.server_port = options_.servers[server].port();
      slot.record.flags = request.due_ns < measured_ns_ ? RPCLOG_WARMUP : 0;
      slot.record.send_call_ns = options_.log ? NowNs() : now;
      const uint8_t* message = messages_.Build(slot.header, request.length);
      tt_record_send_call(RPCLOG_CLIENT);
      int error = target.transport->Send(index, message, request.length, request.length,
                                         &slot.record.rpc_id);
      slot.record.client_port = target.transport->LocalPort(index);
      TraceSent(RPCLOG_CLIENT, options_.protocol, slot.record, error);
      messages_.Release();
      if (options_.log) slot.record.send_return_ns = NowNs();
      if (error) {
        Over(server, slot, now, error);
        continue;
      }
      target.free.pop_back();
      slot.busy = true;
      in_flight_++;
    }
  }

  // Whether answers are there.
  bool Wait(uint64_t now) {
    uint64_t until = next_scan_ns_;
    if (next_due_ns_ < end_ns_) until = std::min(until, next_due_ns_);
    const uint64_t wait = until > now ? until - now : 0;
    const timespec timeout = {static_cast<time_t>(wait / 1'000'000'000),
                              static_cast<long>(wait % 1'000'000'000)};
    const int ready = ppoll(polls_.data(), polls_.size(), &timeout, nullptr);
    if (ready < 0 && errno != EINTR) fatal_ = ErrnoText("ppoll", errno);
    return ready > 0;
  }

  // One answer; the time after it. ppoll tells of more: a call that fails for want of one would take a microsecond on the
  // simulated cluster, and asking separately costs one more system call an RPC.
  uint64_t Take(uint32_t server) {
    Target& target = targets_[server];
    const uint64_t recv_call = options_.log ? NowNs() : 0;
    tt_record_recv_call(RPCLOG_CLIENT);
    const Event event = target.transport->Receive(false);
    if (event.kind == Event::kDone && target.slots[event.slot].busy)
      TraceReceived(RPCLOG_CLIENT, options_.protocol, target.slots[event.slot].record, event.error);
    const uint64_t now = NowNs();
    if (event.kind == Event::kFatal) fatal_ = ErrnoText("receiving", event.error);
    if (event.kind != Event::kDone) return now;
    Slot& slot = target.slots[event.slot];
    if (slot.busy) {
      slot.record.recv_call_ns = recv_call;
      Free(&target, event.slot);
      Over(server, slot, now, event.error ? event.error : Check(slot, event.payload));
      StartWaiting(server, now);
    }
    return now;
  }

  int Check(const Slot& slot, const Payload& payload) const {
    if (payload.length != slot.record.response_bytes) return EMSGSIZE;
    if (memcmp(payload.Piece(0), slot.header.bytes, std::min(slot.header.size, payload.length)))
      return EBADMSG;
    return options_.verify && !PayloadMatches(slot.header, payload) ? EBADMSG : 0;
  }

  void Free(Target* target, uint32_t slot) {
    target->slots[slot].busy = false;
    target->free.push_back(slot);
    in_flight_--;
  }

  void Over(uint32_t server, Slot& slot, uint64_t now, int error) {
    Recorder& recorder = result_->run.threads.front();
    slot.record.recv_return_ns = now;
    const OpenLoopRpc rpc = {slot.due_ns, server, slot.record.request_bytes,
                             slot.record.send_call_ns - slot.due_ns, now - slot.due_ns, error};
    last_ns_ = now;
    if (error) {
      slot.record.flags |= RPCLOG_ERROR;
      recorder.AddError(slot.record, error);
    } else {
      recorder.Add(slot.record, rpc.latency_ns);
    }
    if (error || !(slot.record.flags & RPCLOG_WARMUP)) result_->rpcs.push_back(rpc);
    crew_->Progress(0);
  }

  void GiveUpOverdue(uint64_t now) {
    next_scan_ns_ = now + options_.timeout_ns / 4;
    for (uint32_t server = 0; server < targets_.size(); server++) {
      Target& target = targets_[server];
      for (uint32_t index = 0; index < target.slots.size(); index++) {
        Slot& slot = target.slots[index];
        if (!slot.busy || now < slot.record.send_call_ns + options_.timeout_ns) continue;
        if (int error = target.transport->Abandon(index))
          fatal_ = ErrnoText("giving up an RPC", error);
        Free(&target, index);
        Over(server, slot, now, ETIMEDOUT);
      }
      StartWaiting(server, now);
    }
  }

  const OpenLoopOptions& options_;
  Crew* crew_;
  OpenLoopResult* result_;
  Random random_;
  std::string fatal_;
  std::vector<Target> targets_;
  std::vector<pollfd> polls_;
  MessageBuffer messages_;
  uint32_t tid_ = 0;
  uint64_t sent_ = 0;
  uint64_t in_flight_ = 0;
  uint64_t measured_ns_ = 0, end_ns_ = 0, next_due_ns_ = 0, next_scan_ns_ = 0, last_ns_ = 0;
};

}  // namespace

OpenLoopResult RunOpenLoop(const OpenLoopOptions& options, const ClientFactory& make, Crew* crew) {
  OpenLoopResult result;
  result.run.threads.emplace_back(options.log ? options.log_records : 0);
  Engine engine(options, make, crew, &result);
  if (engine.fatal().empty())
    crew->Run([&](uint32_t) { engine.Run(); }, [] {}, 0);
  result.run.fatal = engine.fatal();
  result.run.interrupted = crew->interrupted();
  result.run.elapsed_ns = engine.elapsed_ns();
  return result;
}

}  // namespace rpcload
