// SPDX-License-Identifier: Apache-2.0
#include "read/sockets.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <map>
#include <sstream>

namespace hs {
namespace {

// The words NAME=VALUE of a line.
class Fields {
 public:
  // False if @line has other words.
  bool Parse(std::istringstream& line) {
    std::string word;
    while (line >> word) {
      const std::size_t at = word.find('=');
      if (at == std::string::npos || at == 0) return false;
      values_[word.substr(0, at)] = word.substr(at + 1);
    }
    return true;
  }

  void Get(const char* name, std::string& out) {
    const auto found = values_.find(name);
    if (found == values_.end() || found->second.empty())
      missing_ = name;
    else
      out = found->second;
  }

  template <typename Number>
  void Get(const char* name, Number& out) {
    std::string text;
    Get(name, text);
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, out);
    if (error != std::errc() || stop != end) missing_ = name;
  }

  bool Flag(const char* name) {
    unsigned value = 0;
    Get(name, value);
    return value != 0;
  }

  // Name of a field that is missing or no number, or "".
  const std::string& missing() const { return missing_; }

 private:
  std::map<std::string, std::string> values_;
  std::string missing_;
};

HomaSocket SocketOf(Fields& fields) {
  HomaSocket out;
  fields.Get("port", out.port);
  fields.Get("family", out.family);
  fields.Get("uid", out.uid);
  fields.Get("inode", out.inode);
  out.server = fields.Flag("server");
  fields.Get("rpcs", out.num_rpcs);
  fields.Get("tx_bytes", out.tx_bytes);
  fields.Get("tx_max", out.tx_max);
  fields.Get("rx_bytes", out.rx_bytes);
  fields.Get("rx_max", out.rx_max);
  fields.Get("region", out.region);
  fields.Get("region_free", out.region_free);
  return out;
}

SocketRpc RpcOf(Fields& fields) {
  SocketRpc out;
  fields.Get("id", out.id);
  fields.Get("role", out.role);
  fields.Get("state", out.state);
  fields.Get("peer", out.peer);
  fields.Get("peer_port", out.peer_port);
  fields.Get("tx_length", out.tx_length);
  fields.Get("tx_sent", out.tx_sent);
  fields.Get("tx_granted", out.tx_granted);
  fields.Get("rx_length", out.rx_length);
  fields.Get("rx_remaining", out.rx_remaining);
  fields.Get("rx_gaps", out.rx_gaps);
  fields.Get("rx_granted", out.rx_granted);
  for (const char* flag : {"private", "stalled", "ready", "copying"})
    if (fields.Flag(flag)) out.flags.emplace_back(flag);
  return out;
}

}  // namespace

Result<std::vector<HomaSocket>> ReadSockets(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{path + ": cannot be opened; is homa.ko loaded?"};
  std::vector<HomaSocket> out;
  std::string text;
  for (int number = 1; std::getline(file, text); number++) {
    std::istringstream line(text);
    std::string kind;
    if (!(line >> kind) || kind[0] == '#') continue;
    Fields fields;
    const bool is_socket = kind == "socket";
    if ((!is_socket && (kind != "rpc" || out.empty())) || !fields.Parse(line))
      return Error{fmt::format("{}:{}: is no line of a list of Homa sockets", path, number)};
    if (is_socket)
      out.push_back(SocketOf(fields));
    else
      out.back().rpcs.push_back(RpcOf(fields));
    if (!fields.missing().empty())
      return Error{fmt::format("{}:{}: field {} is missing or damaged", path, number, fields.missing())};
  }
  if (file.bad()) return Error{path + ": cannot be read"};
  return out;
}

}  // namespace hs
