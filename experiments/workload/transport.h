// SPDX-License-Identifier: Apache-2.0
// What the engines need from a transport. Every object here belongs to one thread; all waiting
// blocks in the kernel, and a signal ends a wait with Event::kAgain.
#ifndef RPCLOAD_TRANSPORT_H_
#define RPCLOAD_TRANSPORT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "message.h"
#include "net.h"

namespace rpcload {

enum class Protocol { kHoma, kTcp, kUdp };

// Longest message the protocol carries.
inline uint32_t MaxMessage(Protocol protocol) {
  return protocol == Protocol::kUdp ? 65507 : kMaxMessage;
}

struct Event {
  enum Kind {
    kDone,   // an RPC (client) or a request (server) is complete, or has failed
    kAgain,  // nothing complete yet or interrupted: check for stop, call again
    kFatal,  // the transport is unusable
  };
  Kind kind = kAgain;
  int error = 0;         // kDone at the client: errno of the RPC, 0 for success; kFatal: errno
  uint32_t slot = 0;     // client only
  Payload payload = {};  // valid until the next call
  bool more = false;     // another message came with the same system call: the next Receive makes none
};

class ClientTransport {
 public:
  virtual ~ClientTransport() = default;

  // Starts an RPC in a free slot. 0 or errno; the slot stays free on failure. *rpc_id is the
  // transport's name for the RPC.
  virtual int Send(uint32_t slot, const uint8_t* message, uint32_t length,
                   uint32_t response_length, uint64_t* rpc_id) = 0;
  // The outcome of any RPC, which frees its slot. Without wait: kAgain if none is there yet.
  virtual Event Receive(bool wait) = 0;
  // Readable when Receive(false) may have something to do; -1 unless config.open_loop.
  virtual int PollFd() const = 0;
  // Gives up the RPC in the slot; a late response cannot reach the next one. 0 or errno.
  virtual int Abandon(uint32_t slot) = 0;
  virtual uint16_t LocalPort(uint32_t slot) const = 0;
};

struct ClientConfig {
  std::vector<Address> servers = {};  // of one family; slots take them in turn
  uint32_t slots = 1;                 // RPCs in flight at most
  uint32_t max_response = 0;          // longest response
  uint32_t batch = 1;                 // answers, TCP: connections with some, one call asks for
  bool open_loop = false;  // Send never waits for room, and connects when a slot is first used

  const Address& ServerOf(uint32_t slot) const { return servers[slot % servers.size()]; }
};

// nullptr with one line in *error on failure.
std::unique_ptr<ClientTransport> MakeClient(Protocol protocol, const ClientConfig& config,
                                            std::string* error);

// Where a request came from.
struct Origin {
  uint64_t rpc_id = 0;
  uint16_t client_port = 0;
};

// One thread's access to the server's sockets.
class ServerTransport {
 public:
  virtual ~ServerTransport() = default;

  // Waits for a request from any client.
  virtual Event Receive(Origin* origin) = 0;
  // Answers the request that was received last. 0 or errno.
  virtual int Reply(const uint8_t* message, uint32_t length) = 0;
};

// The sockets of a server, shared by its threads; outlives their transports.
class Listener {
 public:
  virtual ~Listener() = default;
  virtual std::unique_ptr<ServerTransport> NewThread() = 0;
  virtual uint16_t port() const = 0;
};

struct ServerConfig {
  Address bind;
  uint32_t threads = 1;
  uint32_t batch = 1;           // requests, TCP: connections with some, one call asks for
  bool per_connection = false;  // TCP: a thread blocks on its own connection instead of epoll
};

std::unique_ptr<Listener> MakeListener(Protocol protocol, const ServerConfig& config,
                                       std::string* error);

// Implementations, one file each.
std::unique_ptr<ClientTransport> MakeHomaClient(const ClientConfig&, std::string* error);
std::unique_ptr<ClientTransport> MakeTcpClient(const ClientConfig&, std::string* error);
std::unique_ptr<ClientTransport> MakeUdpClient(const ClientConfig&, std::string* error);
std::unique_ptr<Listener> MakeHomaListener(const ServerConfig&, std::string* error);
std::unique_ptr<Listener> MakeTcpListener(const ServerConfig&, std::string* error);
std::unique_ptr<Listener> MakeUdpListener(const ServerConfig&, std::string* error);

}  // namespace rpcload

#endif  // RPCLOAD_TRANSPORT_H_
