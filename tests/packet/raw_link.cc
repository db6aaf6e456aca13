// SPDX-License-Identifier: Apache-2.0
#include "raw_link.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace {

// struct virtio_net_hdr; its header is not one for C++.
struct VnetHeader {
  std::uint8_t flags;
  std::uint8_t gso_type;
  std::uint16_t hdr_len;
  std::uint16_t gso_size;
  std::uint16_t csum_start;
  std::uint16_t csum_offset;
};
constexpr std::uint8_t kNeedsCsum = 1, kGsoTcp4 = 1, kGsoTcp6 = 4;

void check(bool ok, const std::string& what) {
  if (!ok) throw std::system_error(errno, std::generic_category(), what);
}

std::uint16_t checksum(const Bytes& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i++) sum += i % 2 ? bytes[i] : bytes[i] << 8;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return htons(static_cast<std::uint16_t>(~sum));
}

template <class H>
void append(Bytes& to, const H& h) {
  const auto* p = reinterpret_cast<const std::uint8_t*>(&h);
  to.insert(to.end(), p, p + sizeof(h));
}

Bytes ipv4(const Address& from, const Address& to, std::uint8_t protocol, std::size_t bytes,
           std::uint16_t fragment) {
  iphdr h = {};
  h.id = htons(77);  // of all fragments
  h.frag_off = htons(fragment);
  h.version = 4;
  h.ihl = 5;
  h.tot_len = htons(static_cast<std::uint16_t>(sizeof(h) + bytes));
  h.ttl = 64;
  h.protocol = protocol;
  std::memcpy(&h.saddr, from.data(), 4);
  std::memcpy(&h.daddr, to.data(), 4);
  Bytes plain;
  append(plain, h);
  h.check = checksum(plain);
  Bytes out;
  append(out, h);
  return out;
}

Bytes ipv6(const Address& from, const Address& to, std::uint8_t protocol, std::size_t bytes) {
  ip6_hdr h = {};
  h.ip6_vfc = 6 << 4;
  h.ip6_plen = htons(static_cast<std::uint16_t>(bytes));
  h.ip6_nxt = protocol;
  h.ip6_hlim = 64;
  std::memcpy(&h.ip6_src, from.data(), 16);
  std::memcpy(&h.ip6_dst, to.data(), 16);
  Bytes out;
  append(out, h);
  return out;
}

std::optional<Frame> parse(int family, const Bytes& packet) {
  Frame f = {};
  std::size_t start, end;
  if (family == AF_INET) {
    auto h = header<iphdr>(packet);
    start = h.ihl * 4u;
    end = ntohs(h.tot_len);
    f.protocol = h.protocol;
    f.traffic_class = h.tos;
    std::memcpy(f.from.data(), &h.saddr, 4);
    std::memcpy(f.to.data(), &h.daddr, 4);
  } else {
    auto h = header<ip6_hdr>(packet);
    start = sizeof(h);
    end = start + ntohs(h.ip6_plen);
    f.protocol = h.ip6_nxt;
    f.traffic_class = static_cast<std::uint8_t>(ntohl(h.ip6_flow) >> 20);
    std::memcpy(f.from.data(), &h.ip6_src, 16);
    std::memcpy(f.to.data(), &h.ip6_dst, 16);
  }
  if (end > packet.size() || start > end) return {};
  f.bytes.assign(packet.begin() + static_cast<std::ptrdiff_t>(start),
                 packet.begin() + static_cast<std::ptrdiff_t>(end));
  return f;
}

}  // namespace

RawLink::RawLink(int family, const std::string& device, const std::string& host_device)
    : family_(family), device_(device) {
  // Only what arrives at our device; the address of the other one is needed once.
  fd_ = socket(AF_PACKET, SOCK_DGRAM, 0);
  check(fd_ >= 0, "socket AF_PACKET (as root?)");
  index_ = static_cast<int>(if_nametoindex(device.c_str()));
  check(index_ > 0, device);
  ifreq request = {};
  std::strncpy(request.ifr_name, host_device.c_str(), IFNAMSIZ - 1);
  check(!ioctl(fd_, SIOCGIFHWADDR, &request), host_device);
  std::memcpy(mac_.data(), request.ifr_hwaddr.sa_data, mac_.size());
  int bytes = 64 << 20;
  check(!setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)), "SO_RCVBUFFORCE");
  sockaddr_ll here = {};
  here.sll_family = AF_PACKET;
  here.sll_protocol = htons(family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6);
  here.sll_ifindex = index_;
  check(!bind(fd_, reinterpret_cast<sockaddr*>(&here), sizeof(here)), "bind AF_PACKET");
  // Such packets need a socket of their own; protocol 0: it receives nothing.
  super_fd_ = socket(AF_PACKET, SOCK_RAW, 0);
  check(super_fd_ >= 0, "socket AF_PACKET");
  int on = 1;
  check(!setsockopt(super_fd_, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)), "PACKET_VNET_HDR");
}

RawLink::~RawLink() {
  close(fd_);
  close(super_fd_);
}

Address RawLink::host(unsigned number) const {
  const auto low = static_cast<std::uint8_t>(number);
  if (family_ == AF_INET) return {10, 0, 1, low};
  return {0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, low};
}

Bytes RawLink::ip_header(const Address& from, const Address& to, std::uint8_t protocol,
                         std::size_t bytes, std::uint16_t fragment) const {
  return family_ == AF_INET ? ipv4(from, to, protocol, bytes, fragment)
                            : ipv6(from, to, protocol, bytes);
}

void RawLink::send(const Address& from, const Address& to, std::uint8_t protocol,
                   const Bytes& bytes, bool broadcast) {
  Bytes packet = ip_header(from, to, protocol, bytes.size());
  packet.insert(packet.end(), bytes.begin(), bytes.end());
  transmit(fd_, packet, broadcast);
}

void RawLink::send_super(const Address& from, const Address& to, std::uint8_t protocol,
                         const Bytes& bytes, std::uint16_t gso_bytes) {
  ether_header link = {};
  std::memcpy(link.ether_dhost, mac_.data(), mac_.size());
  link.ether_type = htons(family_ == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6);
  const Bytes ip = ip_header(from, to, protocol, bytes.size());
  const auto start = static_cast<std::uint16_t>(sizeof(link) + ip.size());
  VnetHeader h = {};
  h.flags = kNeedsCsum;
  h.gso_type = family_ == AF_INET ? kGsoTcp4 : kGsoTcp6;
  h.hdr_len = static_cast<std::uint16_t>(start + sizeof(homa_data_hdr));
  h.gso_size = gso_bytes;
  h.csum_start = start;
  h.csum_offset = offsetof(homa_common_hdr, checksum);
  Bytes out;
  append(out, h);
  append(out, link);
  out.insert(out.end(), ip.begin(), ip.end());
  out.insert(out.end(), bytes.begin(), bytes.end());
  transmit(super_fd_, out, false);
}

void RawLink::send_ip(const Bytes& packet, std::size_t padding) {
  transmit(fd_, longer(packet, padding), false);
}

void RawLink::transmit(int fd, const Bytes& packet, bool broadcast) {
  sockaddr_ll where = {};
  where.sll_family = AF_PACKET;
  where.sll_protocol = htons(family_ == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6);
  where.sll_ifindex = index_;
  where.sll_halen = 6;
  if (broadcast)
    std::memset(where.sll_addr, 0xff, 6);
  else
    std::memcpy(where.sll_addr, mac_.data(), 6);
  check(sendto(fd, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&where),
               sizeof(where)) == static_cast<ssize_t>(packet.size()),
        "sendto AF_PACKET");
}

void RawLink::send_checked(const Address& from, const Address& to, std::uint8_t protocol,
                           Bytes bytes, std::size_t at) {
  Bytes summed;
  if (family_ == AF_INET6) {  // ICMPv6 includes a pseudo header
    append(summed, from);
    append(summed, to);
    append(summed, htonl(static_cast<std::uint32_t>(bytes.size())));
    append(summed, htonl(protocol));
  }
  summed.insert(summed.end(), bytes.begin(), bytes.end());
  const std::uint16_t sum = checksum(summed);
  std::memcpy(&bytes.at(at), &sum, sizeof(sum));
  send(from, to, protocol, bytes);
}

bool RawLink::cuts() const {
  ethtool_value tso = {ETHTOOL_GTSO, 0};
  ifreq request = {};
  std::strncpy(request.ifr_name, device_.c_str(), IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&tso);
  check(!ioctl(fd_, SIOCETHTOOL, &request), "ETHTOOL_GTSO");
  return !tso.data;
}

std::optional<Frame> RawLink::receive(int timeout_ms) {
  Bytes packet(65536);
  for (;;) {
    ssize_t n = recv(fd_, packet.data(), packet.size(), MSG_DONTWAIT);
    if (n < 0) {
      check(errno == EAGAIN, "recv AF_PACKET");
      pollfd wait = {fd_, POLLIN, 0};
      if (poll(&wait, 1, timeout_ms) <= 0) return {};
      continue;
    }
    packet.resize(static_cast<std::size_t>(n));
    auto frame = parse(family_, packet);
    packet.resize(65536);
    // IPv6 tells its neighbours about itself.
    if (frame && !(family_ == AF_INET6 && frame->to[0] == 0xff)) return frame;
  }
}
