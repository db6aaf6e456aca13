// SPDX-License-Identifier: Apache-2.0
#include "report/sockets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

namespace hs {
namespace {

// "so far/may/of": how far a message is, how far it may go, and its length.
std::string Progress(std::int64_t done, std::int64_t granted, std::int64_t length) {
  return length < 0 ? "-" : fmt::format("{}/{}/{}", done, granted, length);
}

std::string Peer(const SocketRpc& rpc) {
  if (rpc.peer.find(':') != std::string::npos) return fmt::format("[{}]:{}", rpc.peer, rpc.peer_port);
  return fmt::format("{}:{}", rpc.peer, rpc.peer_port);
}

std::int64_t Received(const SocketRpc& rpc) {
  return rpc.rx_length < 0 ? 0 : rpc.rx_length - rpc.rx_remaining;
}

}  // namespace

std::string ToText(const std::vector<HomaSocket>& sockets) {
  std::string out = fmt::format("{:>5} {:<6} {:<6} {:>6} {:>9} {:>6} {:>11} {:>11} {:>12} {:>12}\n", "port",
                                "family", "serves", "uid", "inode", "rpcs", "send bytes", "recv bytes",
                                "region", "region free");
  for (const HomaSocket& s : sockets) {
    out += fmt::format("{:>5} {:<6} {:<6} {:>6} {:>9} {:>6} {:>11} {:>11} {:>12} {:>12}\n", s.port, s.family,
                       s.server ? "yes" : "no", s.uid, s.inode, s.num_rpcs, s.tx_bytes, s.rx_bytes, s.region,
                       s.region_free);
    if (s.rpcs.empty()) continue;
    out += fmt::format("      {:<6} {:>20} {:<10} {:<24} {:<23} {:<23} {}\n", "role", "id", "state", "peer",
                       "sent/granted/length", "rcvd/granted/length", "flags");
    for (const SocketRpc& r : s.rpcs)
      out += fmt::format("      {:<6} {:>20} {:<10} {:<24} {:<23} {:<23} {}\n", r.role, r.id, r.state, Peer(r),
                         Progress(r.tx_sent, r.tx_granted, r.tx_length),
                         Progress(Received(r), r.rx_granted, r.rx_length), fmt::join(r.flags, ","));
  }
  // No blanks at the ends of lines without flags.
  for (std::size_t at; (at = out.find(" \n")) != std::string::npos;) out.erase(at, 1);
  return out;
}

nlohmann::json ToJson(const std::vector<HomaSocket>& sockets) {
  nlohmann::json list = nlohmann::json::array();
  for (const HomaSocket& s : sockets) {
    nlohmann::json rpcs = nlohmann::json::array();
    for (const SocketRpc& r : s.rpcs)
      rpcs.push_back({{"id", r.id},
                      {"role", r.role},
                      {"state", r.state},
                      {"peer", r.peer},
                      {"peer_port", r.peer_port},
                      {"tx_length", r.tx_length},
                      {"tx_sent", r.tx_sent},
                      {"tx_granted", r.tx_granted},
                      {"rx_length", r.rx_length},
                      {"rx_received", Received(r)},
                      {"rx_gaps", r.rx_gaps},
                      {"rx_granted", r.rx_granted},
                      {"flags", r.flags}});
    list.push_back({{"port", s.port},
                    {"family", s.family},
                    {"server", s.server},
                    {"uid", s.uid},
                    {"inode", s.inode},
                    {"num_rpcs", s.num_rpcs},
                    {"tx_bytes", s.tx_bytes},
                    {"tx_max_bytes", s.tx_max},
                    {"rx_bytes", s.rx_bytes},
                    {"rx_max_bytes", s.rx_max},
                    {"region_bytes", s.region},
                    {"region_free_bytes", s.region_free},
                    {"rpcs", rpcs}});
  }
  return {{"version", 1}, {"sockets", list}};
}

}  // namespace hs
