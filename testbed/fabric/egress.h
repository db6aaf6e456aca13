// SPDX-License-Identifier: Apache-2.0
// The sending side of a switch port: eight queues in strict priority order, and the link behind them.
#ifndef FABRIC_EGRESS_H_
#define FABRIC_EGRESS_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>

#include "config.h"
#include "impairment.h"
#include "packet.h"
#include "recorder.h"
#include "events.h"

namespace fabric {

// Room for waiting packets, of one port or shared by a switch.
struct Buffer {
  uint64_t limit_bytes, used_bytes = 0;
};

class Egress {
 public:
  using Arrive = std::function<void(const PacketPtr&)>;

  // arrive(): the packet is complete at the other end of the link, which is that host or kNobody.
  Egress(EventQueue* events, Recorder* recorder, int port, const LinkConfig& link, uint64_t ecn_bytes,
         std::shared_ptr<Buffer> buffer, Impairment impairment, int host, Arrive arrive)
      : events_(events), recorder_(recorder), port_(port), link_(link), ecn_bytes_(ecn_bytes),
        buffer_(std::move(buffer)), impairment_(std::move(impairment)), host_(host), arrive_(std::move(arrive)) {}
  Egress(const Egress&) = delete;

  void Enqueue(PacketPtr packet);

 private:
  void SendNext();
  void Launch(const PacketPtr& packet, Ns sent);

  EventQueue* events_;
  Recorder* recorder_;
  int port_;
  LinkConfig link_;
  uint64_t ecn_bytes_;
  std::shared_ptr<Buffer> buffer_;
  Impairment impairment_;
  int host_;
  Arrive arrive_;
  std::array<std::deque<PacketPtr>, kPriorities> queues_;
  uint64_t queued_bytes_ = 0;
  bool sending_ = false;
};

}  // namespace fabric

#endif  // FABRIC_EGRESS_H_
