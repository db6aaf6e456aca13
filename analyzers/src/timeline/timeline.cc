// SPDX-License-Identifier: Apache-2.0
#include "timeline/timeline.h"

namespace hs {
namespace {

bool IsPacket(Kind kind) {
  switch (kind) {
    case Kind::net_dev_queue:
    case Kind::net_dev_start_xmit:
    case Kind::netif_rx:
    case Kind::napi_gro_receive:
    case Kind::netif_receive_skb:
      return true;
    default:
      return false;
  }
}

bool IsHoma(Kind kind) { return kind < Kind::irq_entry; }

}  // namespace

Timeline::Timeline(const Trace& t)
    : trace(t),
      cores(t),
      silences(FindSilences(t)),
      homa(t),
      homa_packets(t),
      flows(t),
      ready(t),
      receivers(t) {
  const auto& events = trace.events();
  for (std::uint32_t i = 0; i < events.size(); i++) {
    const Event& event = events[i];
    if (event.kind == Kind::homa_recv_enter) {
      receivers.Add(event.args[arg::homa_recv_enter::tid], i);
    } else if (event.kind == Kind::homa_gro_join) {
      homa_packets.Add(event.args[arg::homa_gro_join::rpc_id] ^ 1, i);
    } else if (IsHoma(event.kind)) {
      // Every event of one RPC has its id first; these are of none.
      if (event.kind != Kind::homa_recv_sleep && event.kind != Kind::homa_recv_spin &&
          event.kind != Kind::homa_bundle_in)
        homa.Add(event.args[0] & ~1ull, i);
    } else if (IsPacket(event.kind)) {
      const std::uint64_t proto = event.args[arg::packet::proto];
      const std::uint64_t ports = event.args[arg::packet::ports];
      if (proto == kProtoHoma)
        homa_packets.Add(event.args[arg::packet::id], i);
      else if (proto != 0)
        flows.Add(proto << 32 | ports, i);
    } else if (event.kind == Kind::sk_data_ready) {
      ready.Add(event.args[arg::sk_data_ready::sport], i);
    }
  }
  homa.Finish();
  homa_packets.Finish();
  flows.Finish();
  ready.Finish();
  receivers.Finish();
}

}  // namespace hs
