// SPDX-License-Identifier: Apache-2.0
// TCP without delay, one RPC at a time per connection.
//
// Server threads share one edge-triggered epoll instance by default: like the threads in recvmsg on
// one Homa socket, each of them waits for the work of any connection, and one request wakes one of
// them. With per_connection each thread instead accepts a connection and blocks in recv on it: one
// system call less per request, the fastest TCP can be.
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <vector>

#include "transport.h"

namespace rpcload {
namespace {

void SetNoDelay(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// Sends everything. Signals come only when a thread is stuck or shall stop: they end the attempt.
int SendAll(int fd, const uint8_t* data, uint32_t length) {
  while (length) {
    ssize_t n = send(fd, data, length, MSG_NOSIGNAL);
    if (n < 0) return errno == EINTR ? ETIMEDOUT : errno;
    data += n;
    length -= static_cast<uint32_t>(n);
  }
  return 0;
}

// What one call of epoll_wait told, one after the other.
class Ready {
 public:
  explicit Ready(uint32_t most) : events_(most) {}

  // 1: event() is the next one; 0: there is none; -1 with errno.
  int Wait(int epoll, int timeout_ms) {
    if (++at_ < count_) return 1;
    at_ = count_ = 0;
    int n = epoll_wait(epoll, events_.data(), static_cast<int>(events_.size()), timeout_ms);
    if (n > 0) count_ = static_cast<uint32_t>(n);
    return std::min(n, 1);
  }
  const epoll_event& event() const { return events_[at_]; }

 private:
  std::vector<epoll_event> events_;
  uint32_t at_ = 0;
  uint32_t count_ = 0;
};

class TcpClient : public ClientTransport {
 public:
  explicit TcpClient(const ClientConfig& config)
      : config_(config), streams_(config.slots), ready_(config.batch) {
    for (Stream& s : streams_)
      s.buffer = std::make_unique_for_overwrite<uint8_t[]>(config.max_response);
    if (config.slots > 1 || config.open_loop) epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
  }

  int ConnectAll() {
    for (uint32_t slot = 0; slot < streams_.size(); slot++)
      if (int error = Connect(slot)) return error;
    return 0;
  }

  int Send(uint32_t slot, const uint8_t* message, uint32_t length, uint32_t response_length,
           uint64_t* rpc_id) override {
    Stream& s = streams_[slot];
    *rpc_id = s.rpcs++;
    if (!s.fd)
      if (int error = Connect(slot)) return error;
    s.have = 0;
    s.want = response_length;
    if (config_.open_loop) {
      s.unsent.assign(message, message + length);
      s.sent = 0;
    }
    int error = config_.open_loop ? SendMore(slot) : SendAll(s.fd.get(), message, length);
    if (error) s.fd = Fd();  // the stream may end inside a request
    return error;
  }

  Event Receive(bool wait) override {
    uint32_t slot = 0;
    if (epoll_) {
      int ready = ready_.Wait(epoll_.get(), wait ? -1 : 0);
      if (ready < 0) return {errno == EINTR ? Event::kAgain : Event::kFatal, errno};
      if (!ready) return {};
      slot = ready_.event().data.u32;
    }
    Stream& s = streams_[slot];
    if (s.blocked)
      if (int error = SendMore(slot)) {
        s.fd = Fd();
        return {Event::kDone, error, slot};
      }
    ssize_t n = recv(s.fd.get(), s.buffer.get() + s.have, s.want - s.have,
                     epoll_ ? MSG_DONTWAIT : 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {Event::kAgain, errno};
    if (n <= 0) {
      int error = n ? errno : ECONNRESET;
      s.fd = Fd();
      return {Event::kDone, error, slot};
    }
    s.have += static_cast<uint32_t>(n);
    if (s.have < s.want) return {};
    return {Event::kDone, 0, slot, {s.buffer.get(), nullptr, s.have}};
  }

  int Abandon(uint32_t slot) override {
    streams_[slot].fd = Fd();  // Send connects again
    return 0;
  }

  int PollFd() const override { return epoll_.get(); }
  uint16_t LocalPort(uint32_t slot) const override { return streams_[slot].port; }

 private:
  struct Stream {
    Fd fd;
    std::vector<uint8_t> unsent;  // open loop: the request, of which `sent` bytes are gone
    size_t sent = 0;
    bool blocked = false;         // waits for room

    uint16_t port = 0;
    std::unique_ptr<uint8_t[]> buffer;
    uint32_t have = 0;
    uint32_t want = 0;
    uint64_t rpcs = 0;
  };

  // What there is room for; the rest when there is more.
  int SendMore(uint32_t slot) {
    Stream& s = streams_[slot];
    bool blocked = false;
    while (s.sent < s.unsent.size() && !blocked) {
      ssize_t n = send(s.fd.get(), s.unsent.data() + s.sent, s.unsent.size() - s.sent,
                       MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno != EAGAIN && errno != EINTR) return errno;
      blocked = n < 0 && errno == EAGAIN;
      if (n > 0) s.sent += static_cast<size_t>(n);
    }
    if (blocked == s.blocked) return 0;
    s.blocked = blocked;
    epoll_event event = {.events = EPOLLIN | (blocked ? EPOLLOUT : 0u), .data = {.u32 = slot}};
    return epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, s.fd.get(), &event) ? errno : 0;
  }

  int Connect(uint32_t slot) {
    int flags = SOCK_CLOEXEC | (config_.open_loop ? SOCK_NONBLOCK : 0);
    const Address& server = config_.ServerOf(slot);
    Fd fd(socket(server.family(), SOCK_STREAM | flags, 0));
    if (!fd || (connect(fd.get(), server.raw(), server.size()) && errno != EINPROGRESS))
      return errno;
    SetNoDelay(fd.get());
    epoll_event event = {.events = EPOLLIN, .data = {.u32 = slot}};
    if (epoll_ && epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event)) return errno;
    streams_[slot].port = rpcload::LocalPort(fd.get());
    streams_[slot].fd = std::move(fd);
    streams_[slot].blocked = false;
    return 0;
  }

  const ClientConfig config_;
  std::vector<Stream> streams_;  // by slot
  Fd epoll_;                     // absent when there is one stream to block on
  Ready ready_;
};

// The server's end of a connection, used by one thread at a time.
struct Connection {
  Fd fd;
  uint16_t client_port = 0;
  std::unique_ptr<uint8_t[]> buffer = std::make_unique_for_overwrite<uint8_t[]>(kMaxMessage);
  uint32_t have = 0;
  uint64_t rpcs = 0;
  // Announcements not handled yet. Whoever raises it from 0 owns the connection until it has
  // brought it back to 0, so that a request arriving in pieces is read by one thread.
  std::atomic<uint32_t> announced = 0;

  // Accepts from the listening socket. False with errno.
  bool Accept(int listener, int flags) {
    Address peer;
    socklen_t size = sizeof(peer.storage);
    fd = Fd(accept4(listener, peer.raw(), &size, SOCK_CLOEXEC | flags));
    if (!fd) return false;
    client_port = peer.port();
    SetNoDelay(fd.get());
    return true;
  }

  // One recv. kDone: a request is complete, or error says why the connection must be closed.
  Event Read(int flags, Origin* origin) {
    ssize_t n = recv(fd.get(), buffer.get() + have, kMaxMessage - have, flags);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return {};
    if (n <= 0) return {Event::kDone, n ? errno : EPIPE};
    have += static_cast<uint32_t>(n);
    Header header;
    if (!Header::Parse(buffer.get(), have, &header)) return {};
    if (!header.request_length || have > header.request_length) return {Event::kDone, EBADMSG};
    if (have < header.request_length) return {};
    *origin = {rpcs++, client_port};
    return {Event::kDone, 0, 0, {buffer.get(), nullptr, have}};
  }
};

class TcpListener : public Listener {
 public:
  TcpListener(Fd fd, const ServerConfig& config)
      : fd_(std::move(fd)), batch_(config.batch), per_connection_(config.per_connection) {}

  bool StartEpoll() {
    epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
    epoll_event event = {.events = EPOLLIN, .data = {.ptr = nullptr}};
    return epoll_ && !epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd_.get(), &event);
  }

  std::unique_ptr<ServerTransport> NewThread() override;
  uint16_t port() const override { return LocalPort(fd_.get()); }

  int fd() const { return fd_.get(); }
  int epoll() const { return epoll_.get(); }

  // Accepts one connection into the epoll set; another thread may have been quicker. 0 or errno.
  int AcceptShared() {
    auto connection = std::make_unique<Connection>();
    if (!connection->Accept(fd(), 0))
      return errno == EAGAIN || errno == EINTR || errno == ECONNABORTED ? 0 : errno;
    epoll_event event = {.events = EPOLLIN | EPOLLET, .data = {.ptr = connection.get()}};
    int fd = connection->fd.get();
    std::lock_guard lock(mutex_);
    // Kept until the end: another thread may still hold an event that points to it.
    connections_.push_back(std::move(connection));
    return epoll_ctl(epoll(), EPOLL_CTL_ADD, fd, &event) ? errno : 0;
  }

 private:
  Fd fd_;
  Fd epoll_;
  uint32_t batch_;
  bool per_connection_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<Connection>> connections_;
};

class SharedThread : public ServerTransport {
 public:
  SharedThread(TcpListener* listener, uint32_t batch) : listener_(listener), ready_(batch) {}

  Event Receive(Origin* origin) override {
    if (!connection_) {
      if (ready_.Wait(listener_->epoll(), -1) < 0)
        return {errno == EINTR ? Event::kAgain : Event::kFatal, errno};
      auto* connection = static_cast<Connection*>(ready_.event().data.ptr);
      if (!connection) {
        int error = listener_->AcceptShared();
        return {error ? Event::kFatal : Event::kAgain, error};
      }
      if (connection->announced.fetch_add(1)) return {};  // its owner will look again
      connection_ = connection;
      seen_ = 1;
    }
    Event event = connection_->Read(MSG_DONTWAIT, origin);
    if (event.kind == Event::kAgain) Release();
    if (event.error) Close(&event);
    return event;
  }

  int Reply(const uint8_t* message, uint32_t length) override {
    connection_->have = 0;
    int error = SendAll(connection_->fd.get(), message, length);
    Event event = {Event::kDone, error};
    if (error)
      Close(&event);
    else
      Release();
    return error;
  }

 private:
  void Release() {
    seen_ = connection_->announced.fetch_sub(seen_) - seen_;
    if (!seen_) connection_ = nullptr;
  }

  // Stays owned, so that no thread touches it again. An orderly end is not an error.
  void Close(Event* event) {
    connection_->fd = Fd();
    connection_->buffer.reset();
    connection_ = nullptr;
    if (event->error == EPIPE) *event = {};
  }

  TcpListener* listener_;
  Ready ready_;
  Connection* connection_ = nullptr;  // owned while set
  uint32_t seen_ = 0;                 // announcements this thread has taken on
};

class ConnectionThread : public ServerTransport {
 public:
  explicit ConnectionThread(TcpListener* listener) : listener_(listener) {}

  Event Receive(Origin* origin) override {
    if (!connection_) {
      auto connection = std::make_unique<Connection>();
      if (!connection->Accept(listener_->fd(), 0))
        return {errno == EINTR || errno == ECONNABORTED ? Event::kAgain : Event::kFatal, errno};
      connection_ = std::move(connection);
    }
    Event event = connection_->Read(0, origin);
    if (event.error) connection_.reset();
    return event.error == EPIPE ? Event{} : event;
  }

  int Reply(const uint8_t* message, uint32_t length) override {
    connection_->have = 0;
    int error = SendAll(connection_->fd.get(), message, length);
    if (error) connection_.reset();
    return error;
  }

 private:
  TcpListener* listener_;
  std::unique_ptr<Connection> connection_;
};

std::unique_ptr<ServerTransport> TcpListener::NewThread() {
  if (per_connection_) return std::make_unique<ConnectionThread>(this);
  return std::make_unique<SharedThread>(this, batch_);
}

}  // namespace

std::unique_ptr<ClientTransport> MakeTcpClient(const ClientConfig& config, std::string* error) {
  auto client = std::make_unique<TcpClient>(config);
  if (int failed = config.open_loop ? 0 : client->ConnectAll()) {
    *error = ErrnoText("connect TCP " + AddressTexts(config.servers), failed);
    return nullptr;
  }
  return client;
}

std::unique_ptr<Listener> MakeTcpListener(const ServerConfig& config, std::string* error) {
  // Threads that share the listener must not block in accept when another was quicker.
  int type = SOCK_STREAM | SOCK_CLOEXEC | (config.per_connection ? 0 : SOCK_NONBLOCK);
  Fd fd(socket(config.bind.family(), type, 0));
  int on = 1;
  if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
      bind(fd.get(), config.bind.raw(), config.bind.size()) || listen(fd.get(), SOMAXCONN)) {
    *error = ErrnoText("bind TCP " + config.bind.Text(), errno);
    return nullptr;
  }
  auto listener = std::make_unique<TcpListener>(std::move(fd), config);
  if (!config.per_connection && !listener->StartEpoll()) {
    *error = ErrnoText("epoll", errno);
    return nullptr;
  }
  return listener;
}

}  // namespace rpcload
