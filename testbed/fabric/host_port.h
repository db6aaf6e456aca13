// SPDX-License-Identifier: Apache-2.0
// Where a host meets the network: its card's sending side with the link to the first switch, and its receiving side.
#ifndef FABRIC_HOST_PORT_H_
#define FABRIC_HOST_PORT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "config.h"
#include "fault.h"
#include "packet.h"
#include "recorder.h"
#include "events.h"
#include "vhost_net.h"

namespace fabric {

class HostPort {
 public:
  using Arrive = std::function<void(int node, const PacketPtr&)>;

  // next_id numbers the packets of the whole cluster.
  HostPort(EventQueue* events, Recorder* recorder, int node, const Config& config, const std::string& socket_path,
           const LinkStates* links, uint64_t* next_id, Arrive arrive);
  HostPort(const HostPort&) = delete;

  void Deliver(const PacketPtr& packet);
  VhostNet* Card() { return &card_; }

 private:
  struct Waiting {
    std::optional<uint16_t> head;  // of the buffer that is free when this packet was sent
    PacketPtr packet;
  };
  void Fetch(std::optional<uint16_t> among = std::nullopt);  // what the guest has made available, of the first so many buffers
  void Queue(uint16_t head, Packet packet, const CardHeader& header);
  void SendNext();
  void Sent(const Waiting& packet);

  EventQueue* events_;
  Recorder* recorder_;
  int node_;
  const Config& config_;
  const LinkStates* links_;
  uint64_t* next_id_;
  Arrive arrive_;
  std::deque<Waiting> waiting_;
  uint64_t waiting_bytes_ = 0;   // their frames
  bool sending_ = false;
  VhostNet card_;
};

}  // namespace fabric

#endif  // FABRIC_HOST_PORT_H_
