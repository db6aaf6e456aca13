// SPDX-License-Identifier: Apache-2.0
// The commands of rpcload. Each takes its own arguments and returns the exit status:
// 0 good, 1 failed, 2 wrong usage.
#ifndef RPCLOAD_COMMAND_H_
#define RPCLOAD_COMMAND_H_

namespace rpcload {

int ClientCommand(int argc, char** argv);
int OpenLoopCommand(int argc, char** argv);
int ServerCommand(int argc, char** argv);

}  // namespace rpcload

#endif  // RPCLOAD_COMMAND_H_
