// SPDX-License-Identifier: Apache-2.0
// Unix stream sockets that carry fixed-size messages and, at times, descriptors.
#ifndef FABRIC_SOCKET_H_
#define FABRIC_SOCKET_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace fabric {

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd();
  int Get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void Close() { *this = Fd(); }

 private:
  int fd_ = -1;
};

// Throws std::runtime_error; a socket file nobody listens on any more is replaced.
Fd Listen(const std::string& path);
Fd Accept(const Fd& listener);

// All of it, or false: the other side is gone. Descriptors that come along are appended to fds.
bool Receive(const Fd& fd, void* to, size_t length, std::vector<Fd>* fds = nullptr);
bool Send(const Fd& fd, const void* from, size_t length, const std::vector<int>& fds = {});

}  // namespace fabric

#endif  // FABRIC_SOCKET_H_
