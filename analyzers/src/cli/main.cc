// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/commands.h"

int main(int argc, char** argv) {
  CLI::App app{"Explains where the time of RPCs went, from timetrace dumps and RPC logs."};
  app.require_subcommand(1);
  int status = 0;

  hs::AttributeOptions attribute;
  auto* cmd = app.add_subcommand("attribute", "Cut the round trip of every RPC into named segments");
  cmd->add_option("--trace", attribute.traces, "dump written by ttdump, or one of each host (repeatable)")->required();
  cmd->add_option("--rpclog", attribute.rpc_logs, "RPC log of a client or server (repeatable; else what rpcload --trace recorded)");
  cmd->add_option("--json", attribute.json, "write the report as JSON");
  cmd->add_option("--csv", attribute.csv, "write every RPC as a line of tiles");
  cmd->callback([&] { status = hs::RunAttribute(attribute); });

  hs::CompareOptions compare;
  cmd = app.add_subcommand("compare", "Say which segments make the difference between reports");
  cmd->add_option("reports", compare.reports, "JSON of attribute; the first is compared with each other")
      ->required()
      ->expected(2, -1);
  cmd->add_option("--json", compare.json, "write the comparison as JSON");
  cmd->callback([&] { status = hs::RunCompare(compare); });

  hs::ArmOptions arm;
  cmd = app.add_subcommand("arm", "Let the recorder of this host keep the trace around slow RPCs or events");
  cmd->add_option("trigger", arm.arming.trigger,
                  "'GROUP:STAGE US', 'GROUP:STAGE p999', 'event NAME' or 'off', in quotes")
      ->required();
  cmd->add_option("--action", arm.arming.action, "capture (default), freeze or mark");
  cmd->add_option("--pre", arm.arming.pre_ms, "ms to keep before the moment (10)");
  cmd->add_option("--post", arm.arming.post_ms, "ms to keep after it (2)");
  cmd->add_option("--captures", arm.arming.captures, "at most so many (5)");
  cmd->add_option("--on", arm.arming.groups,
                  "groups of events to switch on first, as in irq,softirq,napi,net,sched or all")
      ->delimiter(',')
      ->allow_extra_args(false);
  cmd->add_option("--peers", arm.arming.peers,
                  "hosts of these networks ('10.0.0.0/8 fd00::/8') capture when this one does, and this one when they do");
  cmd->add_option("--proc", arm.proc, "where the recorder's files are (/proc)");
  cmd->callback([&] { status = hs::RunArm(arm); });

  hs::CollectOptions collect;
  cmd = app.add_subcommand("collect", "Copy what the recorder of this host has captured");
  cmd->add_option("directory", collect.to, "for <host>-<number>.ttd")->required();
  cmd->add_option("--host", collect.host, "name of the host (its own)");
  cmd->add_option("--proc", collect.proc, "where the recorder's files are (/proc)");
  cmd->callback([&] { status = hs::RunCollect(collect); });

  hs::DumpOptions dump;
  cmd = app.add_subcommand("dump", "Print records as text");
  cmd->add_option("--trace", dump.trace, "dump written by ttdump")->required();
  cmd->add_option("--from", dump.from, "first time, in ns of the trace's clock");
  cmd->add_option("--to", dump.to, "last time, in ns of the trace's clock");
  cmd->add_option("--event", dump.events, "only this event (repeatable)");
  cmd->callback([&] { status = hs::RunDump(dump); });

  hs::InfoOptions info;
  cmd = app.add_subcommand("info", "Print clock, losses and event counts");
  cmd->add_option("--trace", info.trace, "dump written by ttdump")->required();
  cmd->callback([&] { status = hs::RunInfo(info); });

  hs::SsOptions ss;
  ss.from = "/proc/net/homa";
  cmd = app.add_subcommand("ss", "List the Homa sockets of this network namespace and their RPCs");
  cmd->add_option("--from", ss.from, "a copy of /proc/net/homa, of this or another host");
  cmd->add_option("--port", ss.port, "only the socket with this port");
  cmd->add_option("--json", ss.json, "write the list as JSON");
  cmd->callback([&] { status = hs::RunSs(ss); });

  CLI11_PARSE(app, argc, argv);
  return status;
}
