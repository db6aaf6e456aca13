// SPDX-License-Identifier: Apache-2.0
#include "net.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <string.h>
#include <unistd.h>

#include <sstream>

namespace rpcload {
namespace {

sockaddr_in* V4(sockaddr_storage* s) { return reinterpret_cast<sockaddr_in*>(s); }
sockaddr_in6* V6(sockaddr_storage* s) { return reinterpret_cast<sockaddr_in6*>(s); }

}  // namespace

bool Address::Parse(const std::string& text, uint16_t port, Address* address) {
  sockaddr_storage* s = &address->storage;
  *s = {};
  if (inet_pton(AF_INET, text.c_str(), &V4(s)->sin_addr) == 1) {
    V4(s)->sin_family = AF_INET;
    V4(s)->sin_port = htons(port);
    return true;
  }
  if (inet_pton(AF_INET6, text.c_str(), &V6(s)->sin6_addr) == 1) {
    V6(s)->sin6_family = AF_INET6;
    V6(s)->sin6_port = htons(port);
    return true;
  }
  return false;
}

uint16_t Address::port() const {
  // sin_port and sin6_port have the same place.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

std::string Address::Text() const {
  char text[INET6_ADDRSTRLEN] = "?";
  sockaddr_storage copy = storage;
  if (family() == AF_INET6) {
    inet_ntop(AF_INET6, &V6(&copy)->sin6_addr, text, sizeof(text));
    return fmt::format("[{}]:{}", text, port());
  }
  inet_ntop(AF_INET, &V4(&copy)->sin_addr, text, sizeof(text));
  return fmt::format("{}:{}", text, port());
}

bool ParseAddresses(const std::string& list, uint16_t port, std::vector<Address>* addresses) {
  std::istringstream texts(list);
  for (std::string text; std::getline(texts, text, ',');) {
    if (!Address::Parse(text, port, &addresses->emplace_back())) return false;
    if (addresses->back().family() != addresses->front().family()) return false;
  }
  return !addresses->empty();
}

std::string AddressTexts(const std::vector<Address>& addresses) {
  std::string texts;
  for (const Address& address : addresses) texts += (texts.empty() ? "" : ",") + address.Text();
  return texts;
}

Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

uint16_t LocalPort(int fd) {
  Address address;
  socklen_t size = sizeof(address.storage);
  return getsockname(fd, address.raw(), &size) ? 0 : address.port();
}

std::string ErrnoName(int error) {
  const char* name = strerrorname_np(error);
  return name ? name : fmt::format("errno {}", error);
}

std::string ErrnoText(const std::string& what, int error) {
  const char* text = strerrordesc_np(error);
  return fmt::format("{}: {} ({})", what, text ? text : "unknown error", ErrnoName(error));
}

}  // namespace rpcload
