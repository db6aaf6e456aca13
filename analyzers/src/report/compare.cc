// SPDX-License-Identifier: Apache-2.0
#include "report/compare.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

namespace hs {
namespace {

using Means = std::vector<std::pair<std::string, double>>;

// Means from integer sums: a rounded mean would keep the parts from adding up.
Means ReadMeans(const nlohmann::json& list, double rpcs) {
  Means means;
  for (const auto& item : list)
    means.emplace_back(item.at("name").get<std::string>(),
                       static_cast<double>(item.at("sum_ns").get<std::int64_t>()) / rpcs);
  return means;
}

double Sum(const Means& means) {
  double sum = 0;
  for (const auto& [name, mean] : means) sum += mean;
  return sum;
}

bool AddsUp(const Means& means, double whole) {
  return std::abs(Sum(means) - whole) <= 1e-6 * std::max(1.0, whole);
}

std::vector<Difference::Item> Subtract(const Means& from, const Means& to) {
  std::vector<Difference::Item> items;
  for (const auto& [name, mean] : from) items.push_back({name, mean, 0});
  for (const auto& [name, mean] : to) {
    auto it = std::find_if(items.begin(), items.end(),
                           [&n = name](const Difference::Item& i) { return i.name == n; });
    if (it == items.end())
      items.push_back({name, 0, mean});
    else
      it->to = mean;
  }
  std::erase_if(items, [](const Difference::Item& i) { return i.from == 0 && i.to == 0; });
  std::stable_sort(items.begin(), items.end(),
                   [](const Difference::Item& a, const Difference::Item& b) {
                     return std::abs(a.difference()) > std::abs(b.difference());
                   });
  return items;
}

}  // namespace

Result<Arm> ReadArm(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{path + ": cannot be opened"};
  Arm arm;
  arm.path = path;
  try {
    const auto json = nlohmann::json::parse(file);
    if (json.at("version") != 1)
      return Error{path + ": version of the report is not 1; write it again with this homascope"};
    arm.transport = json.at("transport").get<std::string>();
    arm.rpcs = json.at("rpcs").get<std::uint64_t>();
    if (arm.rpcs == 0) return Error{path + ": holds no RPC that was explained"};
    const auto rpcs = static_cast<double>(arm.rpcs);
    arm.rtt_mean = static_cast<double>(json.at("rtt_ns").at("sum").get<std::int64_t>()) / rpcs;
    arm.cause_means = ReadMeans(json.at("causes"), rpcs);
    arm.tile_means = ReadMeans(json.at("tiles"), rpcs);
  } catch (const nlohmann::json::exception& e) {
    return Error{path + ": not a report of homascope attribute --json: " + e.what()};
  }
  if (!AddsUp(arm.cause_means, arm.rtt_mean) || !AddsUp(arm.tile_means, arm.rtt_mean))
    return Error{path + ": its parts do not add up to its mean round trip; write it again"};
  return arm;
}

Comparison Compare(std::vector<Arm> arms) {
  Comparison comparison;
  for (std::size_t i = 1; i < arms.size(); i++) {
    Difference difference;
    difference.from = 0;
    difference.to = i;
    difference.rtt = arms[i].rtt_mean - arms[0].rtt_mean;
    difference.causes = Subtract(arms[0].cause_means, arms[i].cause_means);
    difference.tiles = Subtract(arms[0].tile_means, arms[i].tile_means);
    comparison.differences.push_back(std::move(difference));
  }
  comparison.arms = std::move(arms);
  return comparison;
}

}  // namespace hs
