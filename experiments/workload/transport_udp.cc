// SPDX-License-Identifier: Apache-2.0
// UDP: one datagram each way, one RPC at a time per client socket. A lost datagram ends in the
// engine's timeout.
#include <errno.h>
#include <sys/epoll.h>

#include "transport.h"

namespace rpcload {
namespace {

class UdpClient : public ClientTransport {
 public:
  explicit UdpClient(const ClientConfig& config)
      : config_(config), buffer_bytes_(config.max_response + 1),
        buffer_(std::make_unique_for_overwrite<uint8_t[]>(buffer_bytes_)),
        sockets_(config.slots) {
    if (config.slots > 1 || config.open_loop) epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
  }

  int OpenAll() {
    for (uint32_t slot = 0; slot < sockets_.size(); slot++)
      if (int error = Open(slot)) return error;
    return 0;
  }

  int Send(uint32_t slot, const uint8_t* message, uint32_t length, uint32_t,
           uint64_t* rpc_id) override {
    *rpc_id = sockets_[slot].rpcs++;
    return send(sockets_[slot].fd.get(), message, length, 0) < 0 ? errno : 0;
  }

  Event Receive(bool wait) override {
    uint32_t slot = 0;
    if (epoll_) {
      epoll_event event;
      int ready = epoll_wait(epoll_.get(), &event, 1, wait ? -1 : 0);
      if (ready < 0) return {errno == EINTR ? Event::kAgain : Event::kFatal, errno};
      if (!ready) return {};
      slot = event.data.u32;
    }
    ssize_t n = recv(sockets_[slot].fd.get(), buffer_.get(), buffer_bytes_,
                     epoll_ ? MSG_DONTWAIT : 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {Event::kAgain, errno};
    if (n < 0) return {Event::kDone, errno, slot};
    return {Event::kDone, 0, slot, {buffer_.get(), nullptr, static_cast<uint32_t>(n)}};
  }

  // A new port: nothing late can arrive there.
  int Abandon(uint32_t slot) override {
    sockets_[slot].fd = Fd();
    return Open(slot);
  }

  int PollFd() const override { return epoll_.get(); }
  uint16_t LocalPort(uint32_t slot) const override { return sockets_[slot].port; }

 private:
  struct Socket {
    Fd fd;
    uint16_t port = 0;
    uint64_t rpcs = 0;
  };

  int Open(uint32_t slot) {
    const Address& server = config_.ServerOf(slot);
    Fd fd(socket(server.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd || connect(fd.get(), server.raw(), server.size())) return errno;
    epoll_event event = {.events = EPOLLIN, .data = {.u32 = slot}};
    if (epoll_ && epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event)) return errno;
    sockets_[slot].port = rpcload::LocalPort(fd.get());
    sockets_[slot].fd = std::move(fd);
    return 0;
  }

  const ClientConfig config_;
  size_t buffer_bytes_;  // one more than expected: a response that is too long shows
  std::unique_ptr<uint8_t[]> buffer_;
  std::vector<Socket> sockets_;  // by slot
  Fd epoll_;                     // absent when there is one socket to block on
};

class UdpServer : public ServerTransport {
 public:
  explicit UdpServer(int fd) : fd_(fd) {}

  Event Receive(Origin* origin) override {
    socklen_t size = sizeof(peer_.storage);
    ssize_t n = recvfrom(fd_, buffer_.get(), kBufferBytes, 0, peer_.raw(), &size);
    // ECONNREFUSED belongs to an earlier reply whose client has gone.
    if (n < 0)
      return {errno == EINTR || errno == ECONNREFUSED ? Event::kAgain : Event::kFatal, errno};
    *origin = {rpcs_++, peer_.port()};
    return {Event::kDone, 0, 0, {buffer_.get(), nullptr, static_cast<uint32_t>(n)}};
  }

  int Reply(const uint8_t* message, uint32_t length) override {
    return sendto(fd_, message, length, 0, peer_.raw(), peer_.size()) < 0 ? errno : 0;
  }

 private:
  static constexpr size_t kBufferBytes = 65536;

  int fd_;
  Address peer_;
  uint64_t rpcs_ = 0;
  std::unique_ptr<uint8_t[]> buffer_ = std::make_unique_for_overwrite<uint8_t[]>(kBufferBytes);
};

class UdpListener : public Listener {
 public:
  explicit UdpListener(Fd fd) : fd_(std::move(fd)) {}
  std::unique_ptr<ServerTransport> NewThread() override {
    return std::make_unique<UdpServer>(fd_.get());
  }
  uint16_t port() const override { return LocalPort(fd_.get()); }

 private:
  Fd fd_;
};

}  // namespace

std::unique_ptr<ClientTransport> MakeUdpClient(const ClientConfig& config, std::string* error) {
  auto client = std::make_unique<UdpClient>(config);
  if (int failed = client->OpenAll()) {
    *error = ErrnoText("UDP socket to " + AddressTexts(config.servers), failed);
    return nullptr;
  }
  return client;
}

std::unique_ptr<Listener> MakeUdpListener(const ServerConfig& config, std::string* error) {
  Fd fd(socket(config.bind.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || bind(fd.get(), config.bind.raw(), config.bind.size())) {
    *error = ErrnoText("bind UDP " + config.bind.Text(), errno);
    return nullptr;
  }
  return std::make_unique<UdpListener>(std::move(fd));
}

}  // namespace rpcload
