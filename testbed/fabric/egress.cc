// SPDX-License-Identifier: Apache-2.0
#include "egress.h"

namespace fabric {

void Egress::Enqueue(PacketPtr packet) {
  const uint64_t length = packet->frame.size();
  if (buffer_->used_bytes + length > buffer_->limit_bytes) {
    recorder_->Note(Step::kDropped, port_, *packet, queued_bytes_, Reason::kBuffer);
    return;
  }
  if (ecn_bytes_ && queued_bytes_ > ecn_bytes_ && packet->EcnCapable()) {
    auto marked = std::make_shared<Packet>(*packet);
    marked->MarkCongestion();
    packet = std::move(marked);
    recorder_->Port(port_).marked++;
  }
  buffer_->used_bytes += length;
  queued_bytes_ += length;
  recorder_->Note(Step::kEnqueued, port_, *packet, queued_bytes_);
  queues_[packet->Priority()].push_back(std::move(packet));
  if (!sending_) SendNext();
}

void Egress::SendNext() {
  sending_ = false;
  for (int priority = kPriorities - 1; priority >= 0; priority--) {
    auto& queue = queues_[priority];
    if (queue.empty()) continue;
    const PacketPtr packet = std::move(queue.front());
    queue.pop_front();
    queued_bytes_ -= packet->frame.size();
    buffer_->used_bytes -= packet->frame.size();
    sending_ = true;
    recorder_->Note(Step::kDequeued, port_, *packet, queued_bytes_);
    const Ns sent = events_->Now() + SerialisationNs(packet->WireBytes(), link_.rate_bps);
    events_->At(sent, [this] { SendNext(); });
    Launch(packet, sent);
    return;
  }
}

void Egress::Launch(const PacketPtr& packet, Ns sent) {
  const Impairment::Fate fate = impairment_.Judge(*packet);
  if (fate.lost) {
    recorder_->Note(Step::kDropped, port_, *packet, queued_bytes_, Reason::kLoss);
    return;
  }
  PacketPtr launched = packet;
  if (fate.corrupted) {
    launched = impairment_.Corrupt(*packet);
    recorder_->Note(Step::kCorrupted, port_, *packet, queued_bytes_);
  }
  Ns arrival = sent + link_.delay_ns;
  if (fate.delayed) {
    arrival += impairment_.ReorderDelay();
    recorder_->Note(Step::kDelayed, port_, *packet, queued_bytes_);
  }
  for (int copies = fate.duplicated ? 2 : 1; copies > 0; copies--)
    events_->At(arrival, [this, launched] { arrive_(launched); }, host_);
  if (fate.duplicated) recorder_->Note(Step::kDuplicated, port_, *packet, queued_bytes_);
}

}  // namespace fabric
