// SPDX-License-Identifier: Apache-2.0
#include "config.h"

#include <fmt/format.h>

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

  // Which of two words; true for the second.
  bool Either(std::string_view key, std::string_view first, std::string_view second) {
    const toml::node* node = Find(key);
    if (!node) return false;
    const auto word = node->value<std::string_view>();
    if (!word || (*word != first && *word != second)) Fail(*node, key, fmt::format("must be \"{}\" or \"{}\"", first, second));
    return *word == second;
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
                                         name_.empty() ? "" : " in [" + name_ + "]", what));
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

}  // namespace

Config ReadConfig(const std::string& path) {
  toml::table file;
  try {
    file = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    throw std::runtime_error(fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
  }
  Config config;
  Table top(path, &file, "");
  if (top.Either("kind", "single", "leaf-spine")) config.kind = Config::Kind::kLeafSpine;

  Table host = top.Sub("host");
  ReadLink(&host, &config.host);
  host.Integer("mtu_bytes", &config.mtu_bytes, 1280, 9000);
  host.Flag("checksum_offload", &config.checksum_offload);
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
  config.spray = trunk.Either("balance", "ecmp", "spray");
  trunk.Done();

  Table impair = top.Sub("impair");
  impair.Probability("loss", &config.impair.loss);
  impair.Integer("burst_packets", &config.impair.burst_packets, 1, 1'000'000);
  impair.Probability("duplicate", &config.impair.duplicate);
  impair.Probability("corrupt", &config.impair.corrupt);
  impair.Probability("reorder", &config.impair.reorder);
  impair.Integer("reorder_delay_ns", &config.impair.reorder_delay_ns, 1, kMaxDelayNs);
  impair.Integer("protocol", &config.impair.protocol, 0, 255);
  impair.Done();
  top.Done();
  return config;
}

}  // namespace fabric
