// SPDX-License-Identifier: Apache-2.0
// Where a host meets the network: its card's sending side with the link to the first switch, and its receiving side.
#ifndef FABRIC_HOST_PORT_H_
#define FABRIC_HOST_PORT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "config.h"
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
           uint64_t* next_id, Arrive arrive);
  HostPort(const HostPort&) = delete;

  void Deliver(const PacketPtr& packet);
  VhostNet* Card() { return &card_; }

 private:
  struct Waiting {
    uint16_t head;
    PacketPtr packet;
  };
  void Fetch();     // what the guest has made available
  void SendNext();

  EventQueue* events_;
  Recorder* recorder_;
  int node_;
  const Config& config_;
  uint64_t* next_id_;
  Arrive arrive_;
  std::deque<Waiting> waiting_;
  bool sending_ = false;
  VhostNet card_;
};

}  // namespace fabric

#endif  // FABRIC_HOST_PORT_H_
