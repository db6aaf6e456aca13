// SPDX-License-Identifier: Apache-2.0
#include "transport.h"

namespace rpcload {

std::unique_ptr<ClientTransport> MakeClient(Protocol protocol, const ClientConfig& config,
                                            std::string* error) {
  switch (protocol) {
    case Protocol::kHoma:
      return MakeHomaClient(config, error);
    case Protocol::kTcp:
      return MakeTcpClient(config, error);
    case Protocol::kUdp:
      return MakeUdpClient(config, error);
  }
  return nullptr;
}

std::unique_ptr<Listener> MakeListener(Protocol protocol, const ServerConfig& config,
                                       std::string* error) {
  switch (protocol) {
    case Protocol::kHoma:
      return MakeHomaListener(config, error);
    case Protocol::kTcp:
      return MakeTcpListener(config, error);
    case Protocol::kUdp:
      return MakeUdpListener(config, error);
  }
  return nullptr;
}

}  // namespace rpcload
