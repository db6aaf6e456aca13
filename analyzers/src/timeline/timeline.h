// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_TIMELINE_TIMELINE_H
#define HOMASCOPE_TIMELINE_TIMELINE_H

#include <cstdint>
#include <vector>

#include "model/trace.h"
#include "timeline/cores.h"
#include "timeline/index.h"
#include "timeline/silence.h"

namespace hs {

// Keys of packets: a Homa message by the id its sender gave it, a TCP or UDP
// flow by its ports as they are on the wire.
inline std::uint64_t FlowKey(std::uint64_t proto, std::uint16_t sport, std::uint16_t dport) {
  return proto << 32 | std::uint64_t{sport} << 16 | dport;
}

// A trace, with what is needed to follow one message through it. The trace
// must outlive it.
struct Timeline {
  explicit Timeline(const Trace& t);

  const Event& at(std::uint32_t position) const { return trace.events()[position]; }

  const Trace& trace;
  Cores cores;
  std::vector<Silence> silences;
  EventIndex homa;          // events of homa.ko by RPC, rpc_id with bit 0 cleared
  EventIndex homa_packets;  // packet events of Homa, and homa_gro_join, by sender id
  EventIndex flows;         // packet events of TCP and UDP by FlowKey()
  EventIndex ready;         // sk_data_ready by local port
  EventIndex receivers;     // homa_recv_enter by thread
};

}  // namespace hs

#endif  // HOMASCOPE_TIMELINE_TIMELINE_H
