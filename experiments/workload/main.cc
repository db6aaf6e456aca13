// SPDX-License-Identifier: Apache-2.0
// rpcload: requests and responses over Homa, TCP or UDP.
#include <stdio.h>
#include <string.h>

#include "command.h"

namespace {

struct Command {
  const char* name;
  int (*run)(int argc, char** argv);
  const char* help;
};

const Command kCommands[] = {
    {"client", rpcload::ClientCommand, "send requests and measure their round trips"},
    {"load", rpcload::OpenLoopCommand, "send requests to many servers at random times, whatever is outstanding"},
    {"server", rpcload::ServerCommand, "answer requests until SIGTERM"},
};

void Usage(FILE* to) {
  fprintf(to, "usage: rpcload COMMAND [OPTION]...   (rpcload COMMAND --help lists the options)\n");
  for (const Command& c : kCommands) fprintf(to, "  %-8s %s\n", c.name, c.help);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
    Usage(stdout);
    return 0;
  }
  for (const Command& c : kCommands)
    if (argc > 1 && !strcmp(argv[1], c.name)) return c.run(argc - 1, argv + 1);
  Usage(stderr);
  return 2;
}
