// SPDX-License-Identifier: Apache-2.0
// The far end of the cable: hosts that exist only here send IP packets to the
// module and see what it sends them.
#ifndef TESTS_PACKET_RAW_LINK_H
#define TESTS_PACKET_RAW_LINK_H

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "homa_packet.h"

// An address in network byte order; IPv4 uses the first four bytes.
using Address = std::array<std::uint8_t, 16>;

struct Frame {
  Address from;  // of the module's host
  Address to;    // which of our hosts
  std::uint8_t protocol;
  std::uint8_t traffic_class;
  Bytes bytes;  // behind the IP header
};

class RawLink {
 public:
  // @family: AF_INET or AF_INET6. Packets enter at @device and leave it towards
  // the link-layer address of @host_device.
  RawLink(int family, const std::string& device, const std::string& host_device);
  ~RawLink();
  RawLink(const RawLink&) = delete;
  RawLink& operator=(const RawLink&) = delete;

  int family() const { return family_; }
  // Host @number of the network: 10.0.1.@number, or fd00:1::@number.
  Address host(unsigned number) const;

  void send(const Address& from, const Address& to, std::uint8_t protocol, const Bytes& bytes,
            bool broadcast = false);
  // A packet longer than the MTU, to be cut into segments of @gso_bytes as TCP would be.
  void send_super(const Address& from, const Address& to, std::uint8_t protocol,
                  const Bytes& bytes, std::uint16_t gso_bytes);
  // A whole packet, IP header included; @padding bytes follow that are not part of it.
  void send_ip(const Bytes& packet, std::size_t padding = 0);
  // The IP header of such a packet with @bytes behind it. IPv4: @fragment is the field
  // of flags and offset, in host byte order.
  Bytes ip_header(const Address& from, const Address& to, std::uint8_t protocol, std::size_t bytes,
                  std::uint16_t fragment = 0) const;
  // As send(), with the checksum of ICMP at byte @at of @bytes.
  void send_checked(const Address& from, const Address& to, std::uint8_t protocol, Bytes bytes,
                    std::size_t at);
  // Whether our device cuts packets longer than the MTU, because it has no segmentation offload.
  bool cuts() const;
  // The next packet of our family sent by the module's host, or nothing.
  std::optional<Frame> receive(int timeout_ms);

 private:
  void transmit(int fd, const Bytes& packet, bool broadcast);

  int family_;
  int fd_;
  int super_fd_;
  int index_;
  std::string device_;
  std::array<std::uint8_t, 6> mac_;
};

#endif
