// SPDX-License-Identifier: Apache-2.0
#include "read/app_log.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>

#include "read/timetrace.h"

namespace hs {
namespace {

enum Call { kSendCall, kSent, kRecvCall, kReceived, kCalls };
constexpr std::array<const char*, kCalls> kEvents = {"rpcload:send_call", "rpcload:sent",
                                                     "rpcload:recv_call", "rpcload:received"};

// Arguments of a return, in the order of kFields.
enum Field { kRole, kTransport, kRpcId, kClientPort, kServerPort, kRequest, kResponse, kFlags, kFields };
constexpr std::array<const char*, kFields> kNames = {"role", "transport", "rpc_id", "client_port",
                                                     "server_port", "request", "response", "flags"};

// Where an event of the dump has them; calls have the role alone.
struct Layout {
  Call call;
  std::array<unsigned, kFields> at;
};

std::optional<Layout> FindLayout(const tt_event_desc& event) {
  const auto name = std::find(kEvents.begin(), kEvents.end(), std::string(event.name));
  if (name == kEvents.end()) return {};
  Layout layout{static_cast<Call>(name - kEvents.begin()), {}};
  const bool is_return = layout.call == kSent || layout.call == kReceived;
  for (unsigned field = 0; field < (is_return ? kFields : 1); field++) {
    unsigned& at = layout.at[field];
    while (at < event.nargs && std::string(event.fields[at].name) != kNames[field]) at++;
    if (at == event.nargs) return {};
  }
  return layout;
}

class Builder {
 public:
  void Add(const tt_record& record, const tt_thread& thread, const Layout& layout) {
    Calls& calls = calls_[record.cpu];
    if (layout.call == kSendCall || layout.call == kRecvCall) {
      (layout.call == kSendCall ? calls.send : calls.recv) = {record.time_ns};
      return;
    }
    const auto arg = [&](Field field) { return record.args[layout.at[field]]; };
    const bool sent = layout.call == kSent;
    Span& call = sent ? calls.send : calls.recv;
    if (sent || !(arg(kFlags) & RPCLOG_SAME_CALL))
      call = call.end ? Span{} : Span{call.begin, record.time_ns};
    if (arg(kTransport) < RPCLOG_HOMA || arg(kTransport) > RPCLOG_UDP) return;
    if (arg(kRole) != RPCLOG_CLIENT && arg(kRole) != RPCLOG_SERVER) return;
    const bool client = arg(kRole) == RPCLOG_CLIENT;
    Log& log = logs_[{client, static_cast<Transport>(arg(kTransport))}];
    const Key key{arg(kRpcId), arg(kClientPort), arg(kServerPort)};

    // A client's RPC begins with sending, a server's with receiving.
    if (client == sent && log.open.erase(key) > 0) log.records.dropped++;
    auto found = client == sent ? log.open.emplace(key, rpclog_record{}).first : log.open.find(key);
    if (found == log.open.end() || call.begin == 0) {
      if (found != log.open.end()) log.open.erase(found);
      log.records.dropped++;
      return;
    }
    rpclog_record& rpc = found->second;
    rpc.rpc_id = arg(kRpcId);
    rpc.client_port = static_cast<std::uint16_t>(arg(kClientPort));
    rpc.server_port = static_cast<std::uint16_t>(arg(kServerPort));
    rpc.request_bytes = static_cast<std::uint32_t>(arg(kRequest));
    rpc.response_bytes = static_cast<std::uint32_t>(arg(kResponse));
    rpc.flags |= static_cast<std::uint32_t>(arg(kFlags));
    (sent ? rpc.send_call_ns : rpc.recv_call_ns) = call.begin;
    (sent ? rpc.send_return_ns : rpc.recv_return_ns) = call.end;
    (sent ? rpc.send_tid : rpc.recv_tid) = thread.tid;
    // One that could not be sent is over, too.
    if (client == sent && !(client && (rpc.flags & RPCLOG_ERROR))) return;
    log.records.records.push_back(rpc);
    log.open.erase(found);
  }

  std::vector<RpcLog> Finish(const std::string& path, const std::string& host) {
    std::vector<RpcLog> logs;
    for (auto& [kind, log] : logs_) {
      log.records.path = path;
      log.records.host = host;
      log.records.client = kind.first;
      log.records.transport = kind.second;
      log.records.dropped += log.open.size();
      logs.push_back(std::move(log.records));
    }
    return logs;
  }

 private:
  struct Span {
    std::uint64_t begin = 0, end = 0;  // 0: not known, has not returned
  };
  struct Calls {
    Span send, recv;  // the last ones
  };
  using Key = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;
  struct Log {
    RpcLog records;
    std::map<Key, rpclog_record> open;
  };
  std::map<std::uint16_t, Calls> calls_;  // by ring
  std::map<std::pair<bool, Transport>, Log> logs_;
};

}  // namespace

Result<std::vector<RpcLog>> ReadAppLogs(const std::string& path) {
  auto opened = OpenTimetrace(path);
  if (!opened) return opened.error();
  tt_reader* reader = opened->get();
  std::vector<std::optional<Layout>> layouts;
  for (std::uint32_t i = 0; i < ::tt_info(reader)->events; i++)
    layouts.push_back(FindLayout(*tt_event(reader, i)));
  if (std::none_of(layouts.begin(), layouts.end(), [](const auto& l) { return l.has_value(); }))
    return std::vector<RpcLog>{};

  Builder builder;
  tt_record record;
  tt_thread thread;
  while (tt_next(reader, &record) == 1)
    if (layouts[record.event] && ::tt_thread_of(reader, record.cpu, &thread) == 0)
      builder.Add(record, thread, *layouts[record.event]);
  return builder.Finish(path, ::tt_info(reader)->host);
}

}  // namespace hs
