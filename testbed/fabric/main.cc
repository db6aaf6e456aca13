// SPDX-License-Identifier: Apache-2.0
// fabric: calendar, network cards and switches of a cluster of User-Mode Linux kernels in shared virtual time.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "calendar.h"
#include "config.h"
#include "host_port.h"
#include "network.h"
#include "recorder.h"

namespace {

using namespace fabric;  // a program's own file

struct Options {
  int nodes = 2;
  uint64_t seed = 1;
  std::string topology, sockets, out;
  std::vector<std::string> captures;
  bool truth = false, check = false;
  uint64_t series_ns = 0;
};

nlohmann::ordered_json ReportOf(const PortCounters& port) {
  nlohmann::ordered_json json = {{"name", port.name}, {"sent_packets", port.sent_packets}, {"sent_bytes", port.sent_bytes},
                                 {"delivered_packets", port.delivered_packets}, {"delivered_bytes", port.delivered_bytes},
                                 {"max_queue_bytes", port.max_queue_bytes}, {"marked", port.marked},
                                 {"duplicated", port.duplicated}, {"corrupted", port.corrupted}, {"delayed", port.delayed}};
  auto& dropped = json["dropped"] = nlohmann::ordered_json::object();
  for (size_t reason = 1; reason < kReasonNames.size(); reason++) dropped[kReasonNames[reason]] = port.dropped[reason];
  return json;
}

void WriteJson(const std::string& path, const nlohmann::ordered_json& json) {
  std::ofstream file(path);
  file << json.dump(1) << "\n";
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

void Run(const Options& options, const Config& config) {
  EventQueue events;
  Recorder recorder(&events);
  uint64_t next_id = 0;
  for (int node = 0; node < options.nodes; node++) recorder.AddPort(fmt::format("host{}", node));
  std::vector<std::unique_ptr<HostPort>> hosts;
  Network network(&events, &recorder, config, options.nodes, options.seed,
                  [&](int node, const PacketPtr& packet) { hosts[node]->Deliver(packet); });
  LinkStates links(options.nodes);
  std::vector<Device*> cards;
  std::vector<Ns> boot_ns;
  for (const ClockConfig& clock : config.clocks) boot_ns.push_back(clock.offset_ns);
  for (int node = 0; node < options.nodes; node++) {
    hosts.push_back(std::make_unique<HostPort>(
        &events, &recorder, node, config, fmt::format("{}/port{}", options.sockets, node), &links, &next_id,
        [&](int from, const PacketPtr& packet) { network.FromHost(from, packet); }));
    cards.push_back(hosts.back()->Card());
  }
  if (options.truth) recorder.OpenLog(options.out + "/truth.bin");
  for (const std::string& port : options.captures) recorder.Capture(port, fmt::format("{}/{}.pcapng", options.out, port));
  if (options.series_ns) recorder.OpenSeries(options.out + "/series.csv", options.series_ns);
  Calendar calendar(&events, options.sockets + "/calendar", cards, boot_ns, ReachOf(config));
  // Whoever started the node sees there that its end was wanted.
  calendar.OnKill([&](int node) { std::ofstream(fmt::format("{}/killed{}", options.sockets, node)); });
  PlanFaults(config.faults, &events, &links, &calendar);
  fmt::print("READY\n");
  fflush(stdout);

  const auto started = std::chrono::steady_clock::now();
  calendar.Run();
  const double wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  const double event_s = calendar.EventSeconds();
  recorder.Close();

  uint64_t card_messages = 0;
  for (const auto& host : hosts) card_messages += host->Card()->Messages();
  nlohmann::ordered_json report = {{"version", 1}, {"nodes", options.nodes}, {"seed", options.seed},
                                   {"virtual_ns", events.Now()}, {"events", events.Count()},
                                   {"turns", calendar.Turns()}, {"calendar_messages", calendar.Messages()},
                                   {"card_messages", card_messages}};
  for (const ClockConfig& clock : config.clocks)
    report["clocks"].push_back({{"offset_ns", clock.offset_ns}, {"drift_ppm", clock.drift_ppm}});
  for (const PortCounters& port : recorder.Ports()) report["ports"].push_back(ReportOf(port));
  WriteJson(options.out + "/fabric.json", report);
  // Apart: everything else is the same in each run.
  WriteJson(options.out + "/timing.json", {{"wall_s", wall_s},
                                             {"events_per_wall_s", double(events.Count()) / wall_s},
                                             {"wall_us_per_event", event_s * 1e6 / double(std::max<uint64_t>(events.Count(), 1))}});
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("calendar, network cards and switches of a cluster in virtual time");
  app.add_option("--nodes", options.nodes, "how many")->check(CLI::Range(1, 254));
  app.add_option("--seed", options.seed, "of all that is random in the network");
  app.add_option("--topology", options.topology, "TOML file")->required();
  app.add_option("--sockets", options.sockets, "directory for the sockets: calendar, port0, port1, ...");
  app.add_option("--out", options.out, "directory for fabric.json, timing.json and what else is recorded");
  app.add_option("--capture", options.captures, "write PORT.pcapng (repeatable); fabric.json lists the ports");
  app.add_flag("--truth", options.truth, "write truth.bin: every step of every packet");
  app.add_option("--series", options.series_ns, "write series.csv: queue length and link use of each port, by periods of so many ns")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000}));
  app.add_flag("--check", options.check, "only check the options and the topology; print the drift of each node's clock in ppm");
  try {
    app.parse(argc, argv);
    const Config config = ReadConfig(options.topology, options.nodes);
    if (options.check) {
      for (size_t node = 0; node < size_t(options.nodes); node++)
        fmt::print("{}\n", node < config.clocks.size() ? config.clocks[node].drift_ppm : 0);
      return 0;
    }
    if (options.sockets.empty() || options.out.empty()) throw std::runtime_error("--sockets and --out are needed");
    Run(options, config);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::Error& error) {
    fmt::print(stderr, "fabric: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "fabric: {}\n", error.what());
    return 1;
  }
}
