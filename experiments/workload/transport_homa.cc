// SPDX-License-Identifier: Apache-2.0
// Homa: any number of RPCs share a socket; the completion cookie says which slot an answer is for.
#include <homa.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "transport.h"

namespace rpcload {
namespace {

static_assert(Payload::kPiece == HOMA_BPAGE_SIZE);
static_assert(kMaxMessage == HOMA_MAX_MESSAGE_LENGTH);

// A socket with its receive region.
class HomaSocket {
 public:
  // messages: how many of the longest kind the application may hold or expect at once.
  static std::unique_ptr<HomaSocket> Open(int family, size_t messages, std::string* error) {
    auto s = std::make_unique<HomaSocket>();
    s->fd_ = Fd(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_HOMA));
    if (!s->fd_) {
      bool absent = errno == EPROTONOSUPPORT || errno == ESOCKTNOSUPPORT;
      *error = absent ? "homa.ko is not loaded (socket: Protocol not supported); insmod it first"
                      : ErrnoText("Homa socket", errno);
      return nullptr;
    }
    if (!s->MapRegion(messages)) {
      *error = ErrnoText("Homa receive region", errno);
      return nullptr;
    }
    return s;
  }

  HomaSocket() = default;
  HomaSocket(const HomaSocket&) = delete;
  HomaSocket& operator=(const HomaSocket&) = delete;
  ~HomaSocket() {
    fd_ = Fd();  // before the region it writes to
    if (region_) munmap(region_, bytes_);
  }

  int fd() const { return fd_.get(); }
  const uint8_t* region() const { return region_; }

 private:
  bool MapRegion(size_t messages) {
    // The module wants room for a bpage per CPU and 2 MB. Twice the bpages of the messages keeps
    // long messages from waiting for each other's bpages. Untouched pages cost nothing.
    size_t bpages = static_cast<size_t>(sysconf(_SC_NPROCESSORS_CONF)) + 32 +
                    2 * HOMA_MAX_BPAGES * messages;
    bytes_ = std::min<size_t>(bpages * HOMA_BPAGE_SIZE, size_t{4} << 30);
    void* at = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return false;
    region_ = static_cast<uint8_t*>(at);
    homa_rcvbuf_args args = {};
    args.start = reinterpret_cast<uintptr_t>(at);
    args.length = bytes_;
    return !setsockopt(fd(), IPPROTO_HOMA, SO_HOMA_RCVBUF, &args, sizeof(args));
  }

  Fd fd_;
  uint8_t* region_ = nullptr;
  size_t bytes_ = 0;
};

// One thread's receiving: of the messages that have arrived up to `batch` are taken with one call.
// The bpages of a message go back to the kernel with the next call that fills its place.
class HomaReceiver {
 public:
  HomaReceiver(const HomaSocket& socket, uint32_t batch)
      : socket_(socket), args_(batch), peers_(batch), messages_(batch > 1 ? batch : 0),
        now_(args_.data()), peer_(peers_.data()) {
    for (uint32_t i = 0; i < messages_.size(); i++) {
      messages_[i].msg_hdr.msg_name = peers_[i].raw();
      messages_[i].msg_hdr.msg_control = &args_[i];
    }
  }

  // Length of the next message or -1 with errno; then args().id says whether an RPC has failed.
  ssize_t Receive(int flags) {
    return messages_.empty() ? ReceiveOne(flags) : ReceiveNext(flags);
  }

  // Another message was taken with the last one.
  bool more() const { return at_ + 1 < count_; }

  Payload Message(ssize_t length) const {
    return {socket_.region(), now_->bpage_offsets, static_cast<uint32_t>(length)};
  }
  const homa_recvmsg_args& args() const { return *now_; }
  const Address& peer() const { return *peer_; }

 private:
  // Inline, since the time of a call counts.
  [[gnu::always_inline]] ssize_t ReceiveOne(int flags) {
    msghdr header = {};
    header.msg_name = peers_[0].raw();
    header.msg_namelen = sizeof(peers_[0].storage);
    header.msg_control = &args_[0];
    header.msg_controllen = sizeof(args_[0]);
    args_[0].id = 0;
    ssize_t length = recvmsg(socket_.fd(), &header, flags);
    if (length < 0) args_[0].num_bpages = 0;
    return length;
  }

  [[gnu::noinline]] ssize_t ReceiveNext(int flags) {
    if (more()) {
      at_++;
    } else {
      at_ = 0;
      count_ = Fill(flags);
      if (count_ < 0) return -1;
    }
    auto at = static_cast<size_t>(at_);
    now_ = &args_[at];
    peer_ = &peers_[at];
    return messages_[at].msg_len;
  }

  // Messages received, or -1 with errno.
  int Fill(int flags) {
    for (size_t i = 0; i < messages_.size(); i++) {
      args_[i].id = 0;
      messages_[i].msg_hdr.msg_namelen = sizeof(peers_[i].storage);
      messages_[i].msg_hdr.msg_controllen = sizeof(args_[i]);
    }
    int count = recvmmsg(socket_.fd(), messages_.data(), static_cast<unsigned>(messages_.size()),
                         flags | MSG_WAITFORONE, nullptr);
    // The errno of an RPC that recvmmsg met behind messages it tells with the next call.
    if (count < 0) {
      late_ = failed_;
      failed_ = {};
      now_ = late_.id ? &late_ : &args_[0];
      return count;
    }
    auto next = static_cast<size_t>(count);
    failed_ = next < args_.size() ? args_[next] : homa_recvmsg_args{};
    return count;
  }

  const HomaSocket& socket_;
  std::vector<homa_recvmsg_args> args_;
  std::vector<Address> peers_;
  std::vector<mmsghdr> messages_;       // empty: one message a call
  const homa_recvmsg_args* now_;        // of the last message
  const Address* peer_;
  int at_ = 0;
  int count_ = 0;
  homa_recvmsg_args late_ = {};    // that of which recvmmsg has told now
  homa_recvmsg_args failed_ = {};  // id: RPC that failed behind the last messages, 0: none
};

// Sends a request (args->id == 0) or a reply; more: another message follows at once. 0 or errno.
int SendMessage(int fd, const Address& to, const uint8_t* message, uint32_t length, bool more,
                homa_sendmsg_args* args) {
  iovec iov = {const_cast<uint8_t*>(message), length};
  msghdr header = {};
  header.msg_name = const_cast<sockaddr*>(to.raw());
  header.msg_namelen = to.size();
  header.msg_iov = &iov;
  header.msg_iovlen = 1;
  header.msg_control = args;  // msg_controllen 0: the kernel writes back into args
  return sendmsg(fd, &header, more ? MSG_MORE : 0) < 0 ? errno : 0;
}

class HomaClient : public ClientTransport {
 public:
  HomaClient(std::unique_ptr<HomaSocket> socket, const ClientConfig& config)
      : socket_(std::move(socket)), receiver_(*socket_, config.batch), config_(config),
        port_(rpcload::LocalPort(socket_->fd())), ids_(config.slots) {}

  int Send(uint32_t slot, const uint8_t* message, uint32_t length, uint32_t,
           uint64_t* rpc_id) override {
    homa_sendmsg_args args = {};
    args.completion_cookie = slot + 1;
    // Each answer that was taken is followed by a request.
    int error = SendMessage(socket_->fd(), config_.ServerOf(slot), message, length,
                            receiver_.more(), &args);
    *rpc_id = ids_[slot] = args.id;
    return error;
  }

  Event Receive(bool wait) override {
    ssize_t length = receiver_.Receive(wait ? 0 : MSG_DONTWAIT);
    int error = length < 0 ? errno : 0;
    const homa_recvmsg_args& args = receiver_.args();
    bool again = error == EINTR || error == EAGAIN;
    if (error && !args.id) return {again ? Event::kAgain : Event::kFatal, error};
    uint64_t slot = args.completion_cookie - 1;
    if (slot >= ids_.size() || ids_[slot] != args.id) return {Event::kFatal, EPROTO};
    if (error) return {Event::kDone, error, static_cast<uint32_t>(slot)};
    return {Event::kDone, 0, static_cast<uint32_t>(slot), receiver_.Message(length), receiver_.more()};
  }

  int Abandon(uint32_t slot) override {
    homa_abort_args args = {};
    args.id = ids_[slot];
    return ioctl(socket_->fd(), HOMAIOCABORT, &args) < 0 ? errno : 0;
  }

  int PollFd() const override { return socket_->fd(); }
  uint16_t LocalPort(uint32_t) const override { return port_; }

 private:
  std::unique_ptr<HomaSocket> socket_;
  HomaReceiver receiver_;
  const ClientConfig config_;
  uint16_t port_;
  std::vector<uint64_t> ids_;  // by slot
};

class HomaServer : public ServerTransport {
 public:
  HomaServer(const HomaSocket& socket, uint32_t batch)
      : socket_(socket), receiver_(socket, batch) {}

  Event Receive(Origin* origin) override {
    ssize_t length = receiver_.Receive(0);
    if (length < 0) {
      bool harmless = errno == EINTR || receiver_.args().id;
      return {harmless ? Event::kAgain : Event::kFatal, errno};
    }
    *origin = {receiver_.args().id, receiver_.peer().port()};
    return {Event::kDone, 0, 0, receiver_.Message(length), receiver_.more()};
  }

  int Reply(const uint8_t* message, uint32_t length) override {
    homa_sendmsg_args args = {};
    args.id = receiver_.args().id;
    return SendMessage(socket_.fd(), receiver_.peer(), message, length, receiver_.more(), &args);
  }

 private:
  const HomaSocket& socket_;
  HomaReceiver receiver_;
};

class HomaListener : public Listener {
 public:
  HomaListener(std::unique_ptr<HomaSocket> socket, uint32_t batch)
      : socket_(std::move(socket)), batch_(batch) {}
  std::unique_ptr<ServerTransport> NewThread() override {
    return std::make_unique<HomaServer>(*socket_, batch_);
  }
  uint16_t port() const override { return LocalPort(socket_->fd()); }

 private:
  std::unique_ptr<HomaSocket> socket_;
  const uint32_t batch_;
};

}  // namespace

std::unique_ptr<ClientTransport> MakeHomaClient(const ClientConfig& config, std::string* error) {
  auto socket = HomaSocket::Open(config.servers.front().family(), config.slots, error);
  if (!socket) return nullptr;
  return std::make_unique<HomaClient>(std::move(socket), config);
}

std::unique_ptr<Listener> MakeHomaListener(const ServerConfig& config, std::string* error) {
  if (config.bind.port() < 1 || config.bind.port() >= HOMA_MIN_DEFAULT_PORT) {
    *error = "Homa servers use ports 1 to 32767; choose --port in that range";
    return nullptr;
  }
  // Every thread holds a batch of requests, and a few may be arriving.
  auto socket = HomaSocket::Open(config.bind.family(), config.threads * config.batch + 16, error);
  if (!socket) return nullptr;
  if (bind(socket->fd(), config.bind.raw(), config.bind.size())) {
    *error = ErrnoText("bind Homa port " + std::to_string(config.bind.port()), errno);
    return nullptr;
  }
  return std::make_unique<HomaListener>(std::move(socket), config.batch);
}

}  // namespace rpcload
