// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string_view>
#include <toml++/toml.h>

namespace fabric {

namespace {

// One table of the file: hands out values with their bounds, then refuses what nobody asked for.
class Table {
 public:
  Table(const std::string& file, const toml::table* table, std::string name)
      : file_(file), table_(table), name_(std::move(name)) {}

  template <typename T>
  void Integer(std::string_view key, T* value, int64_t least, int64_t most, int64_t unit = 1) {
    const toml::node* node = Find(key);
    if (!node) return;
    const auto number = node->is_integer() ? node->value<int64_t>() : std::nullopt;
    if (!number || *number < least || *number > most)
      Fail(*node, key, fmt::format("must be a whole number from {} to {}", least, most));
    *value = static_cast<T>(*number * unit);
  }

  void Probability(std::string_view key, double* value) {
    const toml::node* node = Find(key);
    if (!node) return;
    const auto number = node->is_number() ? node->value<double>() : std::nullopt;
    if (!number || !(*number >= 0 && *number <= 1)) Fail(*node, key, "must be a number from 0 to 1");
    *value = *number;
  }

  void Flag(std::string_view key, bool* value) {
    const toml::node* node = Find(key);
    if (!node) return;
    if (!node->is_boolean()) Fail(*node, key, "must be true or false");
    *value = *node->value<bool>();
  }

  // Which of the words, -1 if the key is not there.
  int Word(std::string_view key, const std::vector<std::string_view>& words) {
    const toml::node* node = Find(key);
    if (!node) return -1;
    const auto word = node->value<std::string_view>();
    const auto found = word ? std::find(words.begin(), words.end(), *word) : words.end();
    if (found == words.end()) Fail(*node, key, fmt::format("must be \"{}\"", fmt::join(words, "\" or \"")));
    return int(found - words.begin());
  }

  // The value of one key that is a list of numbers.
  std::vector<double> Numbers(std::string_view key, double least, double most, size_t count) {
    const toml::node* node = Find(key);
    if (!node) return {};
    std::vector<double> values;
    const toml::array* array = node->as_array();
    for (size_t i = 0; array && i < array->size(); i++) {
      const auto number = (*array)[i].is_number() ? (*array)[i].value<double>() : std::nullopt;
      if (number && *number >= least && *number <= most) values.push_back(*number);
    }
    if (!array || values.size() != array->size() || values.size() > count)
      Fail(*node, key, fmt::format("must be a list of at most {} numbers from {} to {}", count, least, most));
    return values;
  }

  // The tables of a list of tables.
  std::vector<Table> Subs(std::string_view key) {
    const toml::node* node = Find(key);
    std::vector<Table> tables;
    if (node && !node->is_array_of_tables()) Fail(*node, key, fmt::format("must be written as [[{}]]", key));
    if (node)
      for (const toml::node& entry : *node->as_array()) tables.push_back({file_, entry.as_table(), std::string(key)});
    return tables;
  }

  // For a key that must be there.
  void Need(std::string_view key) const {
    if (!table_->contains(key)) Fail(*table_, name_, fmt::format("lacks '{}'", key));
  }

  Table Sub(std::string_view key) {
    const toml::node* node = Find(key);
    if (node && !node->is_table()) Fail(*node, key, "must be a table");
    return {file_, node ? node->as_table() : nullptr, std::string(key)};
  }

  void Done() const {
    if (!table_) return;
    for (const auto& [key, node] : *table_)
      if (!known_.count(key.str())) {
        std::string all;
        for (const auto& name : known_) all += " " + name;
        Fail(node, key.str(), "is unknown; there are:" + all);
      }
  }

  bool Given() const { return table_; }

  [[noreturn]] void Fail(const toml::node& node, std::string_view key, std::string_view what) const {
    throw std::runtime_error(fmt::format("{}:{}: '{}'{} {}", file_, node.source().begin.line, key,
                                         name_.empty() || name_ == key ? "" : " in [" + name_ + "]", what));
  }

 private:
  const toml::node* Find(std::string_view key) {
    known_.emplace(key);
    return table_ ? table_->get(key) : nullptr;
  }

  const std::string& file_;
  const toml::table* table_;
  std::string name_;
  std::set<std::string, std::less<>> known_;
};

constexpr int64_t kMaxDelayNs = 1'000'000'000;

void ReadLink(Table* table, LinkConfig* link) {
  table->Integer("rate_gbps", &link->rate_bps, 1, 400, 1'000'000'000);
  table->Integer("delay_ns", &link->delay_ns, 0, kMaxDelayNs);
}

// Of module/uapi/homa_wire.h, from kFirstHomaType on.
constexpr int kFirstHomaType = 0x10;
const std::vector<std::string_view> kHomaTypes = {"DATA", "GRANT", "RESEND", "RPC_UNKNOWN", "BUSY",
                                                 "CUTOFFS", "FREEZE", "NEED_ACK", "ACK"};

void ReadImpair(Table* table, ImpairConfig* impair) {
  table->Probability("loss", &impair->loss);
  table->Integer("burst_packets", &impair->burst_packets, 1, 1'000'000);
  table->Probability("duplicate", &impair->duplicate);
  table->Probability("corrupt", &impair->corrupt);
  table->Probability("reorder", &impair->reorder);
  table->Integer("reorder_delay_ns", &impair->reorder_delay_ns, 1, kMaxDelayNs);
  table->Integer("protocol", &impair->protocol, 0, 255);
  const int type = table->Word("homa_type", kHomaTypes);
  if (type >= 0) impair->homa_type = kFirstHomaType + type;
  table->Done();
}

FaultConfig ReadFault(Table* table, int nodes) {
  constexpr int64_t kLongest = 3'600'000'000'000;
  FaultConfig fault;
  for (const char* key : {"kind", "node", "at_ns"}) table->Need(key);
  fault.kind = FaultConfig::Kind(table->Word("kind", {"link_down", "kill"}));
  table->Integer("node", &fault.node, 0, nodes - 1);
  table->Integer("at_ns", &fault.at_ns, 1, kLongest);
  if (fault.kind != FaultConfig::Kind::kKill) {
    table->Need("for_ns");
    table->Integer("for_ns", &fault.for_ns, 1, kLongest);
    table->Integer("every_ns", &fault.every_ns, int64_t(fault.for_ns) + 1, kLongest);
  }
  table->Done();
  return fault;
}

std::vector<ClockConfig> ReadClocks(Table* table, int nodes) {
  const auto offsets = table->Numbers("offset_ns", 0, 1e9, size_t(nodes));
  const auto drifts = table->Numbers("drift_ppm", -500, 500, size_t(nodes));
  table->Done();
  std::vector<ClockConfig> clocks(std::max(offsets.size(), drifts.size()));
  for (size_t i = 0; i < offsets.size(); i++) clocks[i].offset_ns = Ns(offsets[i]);
  for (size_t i = 0; i < drifts.size(); i++) clocks[i].drift_ppm = drifts[i];
  return clocks;
}

}  // namespace

Config ReadConfig(const std::string& path, int nodes) {
  toml::table file;
  try {
    file = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    throw std::runtime_error(fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
  }
  Config config;
  Table top(path, &file, "");
  if (top.Word("kind", {"single", "leaf-spine"}) == 1) config.kind = Config::Kind::kLeafSpine;

  Table host = top.Sub("host");
  ReadLink(&host, &config.host);
  host.Integer("mtu_bytes", &config.mtu_bytes, 1280, 9000);
  host.Flag("checksum_offload", &config.checksum_offload);
  host.Flag("segmentation_offload", &config.segmentation_offload);
  host.Flag("mergeable_buffers", &config.mergeable_buffers);
  if (config.segmentation_offload && !config.checksum_offload)
    top.Fail(*file.get("host"), "segmentation_offload", "needs checksum_offload");
  host.Done();

  Table queue = top.Sub("switch");
  queue.Integer("delay_ns", &config.switch_delay_ns, 0, kMaxDelayNs);
  queue.Integer("buffer_bytes", &config.queue.buffer_bytes, 9100, int64_t{1} << 40);
  queue.Flag("shared_buffer", &config.queue.shared);
  queue.Integer("ecn_bytes", &config.queue.ecn_bytes, 0, int64_t{1} << 40);
  queue.Done();

  Table trunk = top.Sub("leaf_spine");
  if (trunk.Given() && config.kind == Config::Kind::kSingle)
    top.Fail(*file.get("leaf_spine"), "leaf_spine", "needs kind = \"leaf-spine\"");
  trunk.Integer("leaves", &config.leaves, 1, 64);
  trunk.Integer("spines", &config.spines, 1, 64);
  ReadLink(&trunk, &config.trunk);
  config.spray = trunk.Word("balance", {"ecmp", "spray"}) == 1;
  trunk.Done();

  Table impair = top.Sub("impair");
  ReadImpair(&impair, &config.impair);
  for (Table& fault : top.Subs("fault")) config.faults.push_back(ReadFault(&fault, nodes));
  Table clock = top.Sub("clock");
  config.clocks = ReadClocks(&clock, nodes);
  if (config.kind == Config::Kind::kLeafSpine && config.leaves > nodes)
    top.Fail(*file.get("leaf_spine"), "leaves", fmt::format("are {}, for {} nodes", config.leaves, nodes));
  top.Done();
  return config;
}

}  // namespace fabric
