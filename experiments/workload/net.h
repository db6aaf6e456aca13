// SPDX-License-Identifier: Apache-2.0
// Addresses and sockets.
#ifndef RPCLOAD_NET_H_
#define RPCLOAD_NET_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rpcload {

// An IPv4 or IPv6 address with its port.
struct Address {
  sockaddr_storage storage = {};

  // Numeric addresses only: a static program has no resolver. False: not an address.
  static bool Parse(const std::string& text, uint16_t port, Address* address);

  int family() const { return storage.ss_family; }
  uint16_t port() const;
  socklen_t size() const {
    return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  }
  sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  std::string Text() const;  // "10.0.1.2:4000"
};

// With commas between them. Parse: one or more, all of one family; else false.
bool ParseAddresses(const std::string& list, uint16_t port, std::vector<Address>* addresses);
std::string AddressTexts(const std::vector<Address>& addresses);

// Owns a file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Port the socket is bound to, 0 if it has none.
uint16_t LocalPort(int fd);

// "what: strerror (ENAME)" for the current or a given errno.
std::string ErrnoText(const std::string& what, int error);
std::string ErrnoName(int error);

}  // namespace rpcload

#endif  // RPCLOAD_NET_H_
