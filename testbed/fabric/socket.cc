// SPDX-License-Identifier: Apache-2.0
#include "socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace fabric {

namespace {

constexpr size_t kMaxFds = 8;

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("the path of a socket is too long: " + path);
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

Fd Listen(const std::string& path) {
  const sockaddr_un address = AddressOf(path);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (const Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); connect(probe.Get(), generic, sizeof address) == 0)
    throw std::runtime_error("another program listens on " + path);
  unlink(path.c_str());
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || bind(fd.Get(), generic, sizeof address) || listen(fd.Get(), 256))
    throw std::runtime_error("cannot listen on " + path + ": " + strerror(errno));
  return fd;
}

Fd Accept(const Fd& listener) {
  Fd fd(accept4(listener.Get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd) throw std::runtime_error(std::string("cannot accept a node: ") + strerror(errno));
  return fd;
}

bool Receive(const Fd& fd, void* to, size_t length, std::vector<Fd>* fds) {
  auto* at = static_cast<char*>(to);
  while (length) {
    if (!fds) {  // cheaper; descriptors that come nevertheless are closed by the kernel
      const ssize_t got = recv(fd.Get(), at, length, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      at += got;
      length -= size_t(got);
      continue;
    }
    alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
    iovec part = {at, length};
    msghdr header = {};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    const ssize_t got = recvmsg(fd.Get(), &header, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
      for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
        int passed;
        memcpy(&passed, CMSG_DATA(c) + i * sizeof passed, sizeof passed);
        Fd owned(passed);
        fds->push_back(std::move(owned));
      }
    }
    at += got;
    length -= size_t(got);
  }
  return true;
}

bool Send(const Fd& fd, const void* from, size_t length, const std::vector<int>& fds) {
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
  iovec part = {const_cast<void*>(from), length};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
  }
  // Messages are far smaller than a socket's buffer: they go whole or not at all.
  ssize_t sent;
  do sent = sendmsg(fd.Get(), &header, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == ssize_t(length);
}

}  // namespace fabric
