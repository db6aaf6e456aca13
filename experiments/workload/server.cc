// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include <errno.h>
#include <unistd.h>

#include "clock.h"
#include "events.h"

namespace rpcload {
namespace {

class Worker {
 public:
  Worker(const ServerOptions& options, Listener* listener, Crew* crew, Recorder* recorder)
      : options_(options), crew_(crew), recorder_(recorder), transport_(listener->NewThread()),
        port_(listener->port()) {}

  const std::string& fatal() const { return fatal_; }

  void Run() {
    auto tid = static_cast<uint32_t>(gettid());
    uint64_t recv_call = 0, recv_return = 0;  // of the last system call
    bool more = false;  // another request of it is left
    while (!crew_->stop()) {
      const bool same_call = more;
      rpclog_record record = {};
      record.send_tid = record.recv_tid = tid;
      record.server_port = port_;
      Origin origin;
      if (!same_call) {
        recv_call = Now();
        tt_record_recv_call(RPCLOG_SERVER);
      }
      Event event = transport_->Receive(&origin);
      more = event.more;
      record.rpc_id = origin.rpc_id;
      record.client_port = origin.client_port;
      record.request_bytes = event.payload.length;
      record.flags = same_call ? RPCLOG_SAME_CALL : 0;
      if (event.kind == Event::kDone)
        TraceReceived(RPCLOG_SERVER, options_.protocol, record, event.error);
      if (!same_call) recv_return = Now();
      record.recv_call_ns = recv_call;
      record.recv_return_ns = recv_return;
      if (event.kind == Event::kAgain) continue;
      if (event.kind == Event::kFatal) {
        fatal_ = ErrnoText("receiving", event.error);
        crew_->Stop();
        return;
      }
      int error = event.error;
      if (!error) error = Answer(event.payload, &record);
      TraceSent(RPCLOG_SERVER, options_.protocol, record, error);
      record.send_return_ns = Now();
      if (!error) {
        recorder_->Add(record, record.send_return_ns - record.recv_return_ns);
      } else {
        record.flags |= RPCLOG_ERROR;
        recorder_->AddError(record, error);
      }
    }
  }

 private:
  uint64_t Now() const { return options_.times ? NowNs() : 0; }

  int Answer(const Payload& request, rpclog_record* record) {
    Header header;
    bool valid = Header::Parse(request.Piece(0), request.length, &header) &&
                 header.request_length == request.length;
    if (valid && options_.verify) valid = PayloadMatches(header, request);
    // A request that makes no sense gets one byte, so that its client does not wait.
    if (!valid) header = Header::Make(1, 1, 0);
    record->response_bytes = header.response_length;
    const uint8_t* message = messages_.Build(header, header.response_length);
    record->send_call_ns = Now();
    tt_record_send_call(RPCLOG_SERVER);
    int error = transport_->Reply(message, header.response_length);
    messages_.Release();
    return valid ? error : EBADMSG;
  }

  const ServerOptions& options_;
  Crew* crew_;
  Recorder* recorder_;
  std::unique_ptr<ServerTransport> transport_;
  uint16_t port_;
  MessageBuffer messages_;
  std::string fatal_;
};

}  // namespace

RunResult RunServer(const ServerOptions& options, Listener* listener, Crew* crew,
                    const std::function<void()>& ready) {
  uint32_t threads = options.config.threads;
  RunResult result;
  std::vector<std::unique_ptr<Worker>> workers;
  result.threads.reserve(threads);  // workers keep pointers
  for (uint32_t i = 0; i < threads; i++) {
    result.threads.emplace_back(options.log_records / threads);
    workers.push_back(
        std::make_unique<Worker>(options, listener, crew, &result.threads.back()));
  }
  uint64_t start = NowNs();
  crew->Run([&](uint32_t i) { workers[i]->Run(); }, ready, 0);
  result.elapsed_ns = NowNs() - start;
  for (const auto& worker : workers)
    if (result.fatal.empty()) result.fatal = worker->fatal();
  return result;
}

}  // namespace rpcload
