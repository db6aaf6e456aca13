// SPDX-License-Identifier: Apache-2.0
#ifndef HOMASCOPE_BASE_RESULT_H
#define HOMASCOPE_BASE_RESULT_H

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace hs {

// What went wrong: one line for the user, saying what, where and what to do.
struct Error {
  std::string message;
};

// A value or an Error. Test it before taking either.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(std::move(error)) {}

  explicit operator bool() const { return std::holds_alternative<T>(state_); }
  T& operator*() { return std::get<T>(state_); }
  T* operator->() { return &std::get<T>(state_); }
  const Error& error() const { return std::get<Error>(state_); }

 private:
  std::variant<T, Error> state_;
};

// Success, or an Error.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}

  explicit operator bool() const { return !error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace hs

#endif  // HOMASCOPE_BASE_RESULT_H
