// SPDX-License-Identifier: Apache-2.0
#include "host_port.h"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

namespace fabric {

namespace {

constexpr size_t kEthernetBytes = 14, kVlanBytes = 4;

}  // namespace

HostPort::HostPort(EventQueue* events, Recorder* recorder, int node, const Config& config, const std::string& socket_path,
                   uint64_t* next_id, Arrive arrive)
    : events_(events), recorder_(recorder), node_(node), config_(config), next_id_(next_id), arrive_(std::move(arrive)),
      card_(node, config, socket_path, [this] { Fetch(); }) {}

void HostPort::Fetch() {
  while (auto chain = card_.At(VhostNet::kTransmit).Take()) {
    auto packet = std::make_shared<Packet>();
    for (const auto& part : chain->parts) packet->frame.insert(packet->frame.end(), part.begin(), part.end());
    const size_t most = sizeof(CardHeader) + kEthernetBytes + kVlanBytes + size_t(config_.mtu_bytes);
    if (packet->frame.size() < sizeof(CardHeader) + kEthernetBytes || packet->frame.size() > most)
      throw std::runtime_error(fmt::format("node {} sends a frame of {} bytes; its MTU is {}", node_,
                                           packet->frame.size() - sizeof(CardHeader), config_.mtu_bytes));
    CardHeader header;
    memcpy(&header, packet->frame.data(), sizeof header);
    packet->frame.erase(packet->frame.begin(), packet->frame.begin() + sizeof header);
    packet->id = (*next_id_)++;
    packet->checksum = header.flags & CardHeader::kNeedsChecksum ? Checksum::kPartial : Checksum::kGood;
    packet->checksum_start = header.checksum_start;
    packet->checksum_offset = header.checksum_offset;
    waiting_.push_back({chain->head, std::move(packet)});
  }
  if (!sending_) SendNext();
}

void HostPort::SendNext() {
  sending_ = !waiting_.empty();
  if (!sending_) return;
  const Waiting next = std::move(waiting_.front());
  waiting_.pop_front();
  recorder_->Note(Step::kSent, node_, *next.packet);
  const Ns sent = events_->Now() + SerialisationNs(next.packet->WireBytes(), config_.host.rate_bps);
  events_->At(sent, [this, head = next.head] {
    SendNext();
    card_.At(VhostNet::kTransmit).Return(head, 0);
    card_.Interrupt(VhostNet::kTransmit);
  });
  events_->At(sent + config_.host.delay_ns, [this, packet = next.packet] { arrive_(node_, packet); });
}

void HostPort::Deliver(const PacketPtr& packet) {
  if (!card_.Connected()) {
    recorder_->Note(Step::kDropped, node_, *packet, 0, Reason::kHostGone);
    return;
  }
  auto chain = card_.At(VhostNet::kReceive).Take();
  if (!chain) {
    recorder_->Note(Step::kDropped, node_, *packet, 0, Reason::kNoReceiveBuffer);
    return;
  }
  CardHeader header = {};
  header.buffers = 1;
  if (config_.checksum_offload && packet->checksum == Checksum::kPartial) {
    header.flags = CardHeader::kNeedsChecksum;
    header.checksum_start = packet->checksum_start;
    header.checksum_offset = packet->checksum_offset;
  } else if (config_.checksum_offload && packet->checksum == Checksum::kGood) {
    header.flags = CardHeader::kChecksumGood;
  }
  std::vector<uint8_t> bytes(sizeof header);
  memcpy(bytes.data(), &header, sizeof header);
  bytes.insert(bytes.end(), packet->frame.begin(), packet->frame.end());
  size_t written = 0;
  for (const auto& part : chain->parts) {
    const size_t length = std::min(part.size(), bytes.size() - written);
    memcpy(part.data(), bytes.data() + written, length);
    written += length;
  }
  if (written < bytes.size()) throw std::runtime_error(fmt::format("node {} offers receive buffers smaller than its MTU", node_));
  recorder_->Note(Step::kDelivered, node_, *packet);
  card_.At(VhostNet::kReceive).Return(chain->head, uint32_t(written));
  card_.Interrupt(VhostNet::kReceive);
}

}  // namespace fabric
