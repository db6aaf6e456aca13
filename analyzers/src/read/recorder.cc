// SPDX-License-Identifier: Apache-2.0
#include "read/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace hs {
namespace {

namespace fs = std::filesystem;

// One control word. Appending matters only where the file is an ordinary one.
Status Control(const std::string& path, const std::string& word) {
  int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT)
      return Error{fmt::format("no {}: load {} first", path, fs::path(path).filename() == "timetrace" ? "timetrace.ko" : "homa.ko")};
    return Error{fmt::format("{}: {}", path, strerror(errno))};
  }
  std::string line = word + "\n";
  ssize_t n = write(fd, line.data(), line.size());
  int err = errno;
  close(fd);
  if (n == static_cast<ssize_t>(line.size())) return {};
  const char* why = n >= 0 ? "cut off" : err == ENOENT ? "nothing there has that name" : strerror(err);
  return Error{fmt::format("{} refuses '{}': {}", path, word, why)};
}

Status Copy(const fs::path& from, const fs::path& to) {
  if (fs::exists(to)) return Error{fmt::format("{} exists already", to.string())};
  std::ifstream in(from, std::ios::binary);
  std::string part = to.string() + ".part";
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  if (!in || !out) return Error{fmt::format("{}: {}", in ? part : from.string(), strerror(errno))};
  out << in.rdbuf();
  out.close();
  std::error_code error;
  if (in && out) fs::rename(part, to, error);
  if (in && out && !error) return {};
  Error failed{fmt::format("{}: {}", to.string(), error ? error.message() : "cannot be copied")};
  fs::remove(part, error);
  return failed;
}

}  // namespace

Status ArmRecorder(const std::string& proc, const Arming& arming) {
  std::string path = proc + "/timetrace";
  if (!arming.peers.empty()) {
    if (auto status = Control(path, "peers on"); !status) return status;
    if (auto status = Control(proc + "/sys/net/homa/freeze_peers", arming.peers); !status) return status;
  }
  const std::string off = "trigger off", trigger = "trigger " + arming.trigger;
  std::vector<std::string> words;
  for (const std::string& group : arming.groups) words.push_back("on " + group);
  words.push_back(off);
  // What was captured is forgotten last of all: a word that is refused comes before that.
  if (trigger != off)
    words.insert(words.end(),
                 {"action " + arming.action, fmt::format("window {} {}", arming.pre_ms, arming.post_ms),
                  trigger, off, fmt::format("captures {}", arming.captures), trigger});
  for (const std::string& word : words)
    if (auto status = Control(path, word); !status) return status;
  return {};
}

Result<std::vector<std::string>> CollectCaptures(const std::string& proc, const std::string& to,
                                         const std::string& prefix) {
  fs::path from = proc + "/timetrace_captures";
  std::error_code error;
  std::vector<std::pair<int, fs::path>> found;
  for (const auto& entry : fs::directory_iterator(from, error))
    if (entry.path().extension() == ".ttd")
      found.emplace_back(std::atoi(entry.path().stem().c_str()), entry.path());
  if (error) {
    if (error.value() == ENOENT) return Error{fmt::format("no {}: load timetrace.ko first", from.string())};
    return Error{fmt::format("{}: {}", from.string(), error.message())};
  }
  std::sort(found.begin(), found.end());
  fs::create_directories(to, error);
  if (error) return Error{fmt::format("{}: {}", to, error.message())};
  std::vector<std::string> paths;
  for (const auto& [number, path] : found) {
    fs::path target = fs::path(to) / fmt::format("{}{}.ttd", prefix, number);
    if (auto status = Copy(path, target); !status) return status.error();
    paths.push_back(target.string());
  }
  return paths;
}

}  // namespace hs
