// SPDX-License-Identifier: Apache-2.0
// A vhost-user back end: the network card one guest sees. Kicks and interrupts go through the calendar's page, or are
// messages that are answered, so that nothing happens outside the calendar's order.
#ifndef FABRIC_VHOST_NET_H_
#define FABRIC_VHOST_NET_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "calendar.h"
#include "config.h"
#include "socket.h"
#include "virtqueue.h"

namespace fabric {

// What stands before each frame in a buffer. linux/virtio_net.h is not C++.
struct CardHeader {
  static constexpr uint8_t kNeedsChecksum = 1, kChecksumGood = 2;
  uint8_t flags, segmentation;
  uint16_t header_bytes, segment_bytes, checksum_start, checksum_offset, buffers;
};
static_assert(sizeof(CardHeader) == 12);

class VhostNet : public Device {
 public:
  enum Queue : uint32_t { kReceive = 0, kTransmit = 1 };

  VhostNet(int node, const Config& config, const std::string& socket_path, std::function<void(std::optional<uint16_t> buffers)> on_transmit);

  int PollFd() const override { return session_ ? session_.Get() : listener_.Get(); }
  void Ready(const std::function<void()>& planned) override;
  void Kicked(uint16_t buffers) override { on_transmit_(buffers); }
  void InterruptBy(std::function<bool(uint32_t)> interrupt) override { interrupt_ = std::move(interrupt); }
  void Unplug() override;

  Virtqueue& At(Queue queue) { return queues_[queue]; }
  bool Connected() const { return bool(session_); }
  // Returns once the guest knows. Only while no node runs.
  void Interrupt(Queue queue);
  uint64_t Messages() const { return messages_; }

 private:
  struct Header {
    uint32_t request, flags, size;
  };
  static constexpr size_t kMaxPayload = 512;

  // Whether the request was understood; a reply of its own is left in payload with its size in header.
  bool Handle(Header* header, uint8_t* payload, std::vector<Fd>* fds, bool* has_reply);
  Virtqueue& QueueOf(uint32_t index);
  void Disconnect();

  int node_;
  const Config& config_;
  std::function<void(std::optional<uint16_t>)> on_transmit_;
  std::function<bool(uint32_t)> interrupt_;
  Fd listener_, session_, interrupts_;
  GuestMemory memory_;
  std::vector<Virtqueue> queues_;
  uint64_t messages_ = 0;
};

}  // namespace fabric

#endif  // FABRIC_VHOST_NET_H_
