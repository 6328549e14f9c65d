#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace headgate {

/// A failure on its way to whoever handles it.
class Failure {
 public:
  explicit Failure(const Error& error) : error_(std::make_unique<Error>(error)) {}
  explicit Failure(Error&& error) : error_(std::make_unique<Error>(std::move(error))) {}
  Failure(const Failure& other) : error_(std::make_unique<Error>(*other.error_)) {}
  Failure(Failure&&) noexcept = default;
  Failure& operator=(const Failure& other) { return *this = Failure(other); }
  Failure& operator=(Failure&&) noexcept = default;
  ~Failure() = default;

  Error& error() { return *error_; }
  const Error& error() const { return *error_; }

 private:
  std::unique_ptr<Error> error_;
};

/// Propagates a failure: `if (!reply) co_return fail(reply.error());`
inline Failure fail(const Error& error) { return Failure(error); }
inline Failure fail(Error&& error) { return Failure(std::move(error)); }

template <class T>
class Result;

template <class T>
inline constexpr bool kIsResult = false;
template <class T>
inline constexpr bool kIsResult<Result<T>> = true;

/// A value or an expected failure; used like std::expected<T, Error>. The error is out of line:
/// every frame of a request's coroutines holds several results, and with 200 bytes in each the
/// frames of a hundred requests did not fit the cache.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result()
    requires std::is_default_constructible_v<T>
  = default;
  template <class U = T>
    requires(std::is_constructible_v<T, U> && !std::is_same_v<std::remove_cvref_t<U>, Failure> &&
             (!kIsResult<std::remove_cvref_t<U>> || std::is_same_v<std::remove_cvref_t<U>, T>))
  explicit(!std::is_convertible_v<U, T>)
      Result(U&& value)  // NOLINT(*-forwarding-reference-overload)
      : state_(std::in_place, std::forward<U>(value)) {}
  explicit(false) Result(Failure failure) : state_(std::unexpect, std::move(failure)) {}
  template <class U>
    requires(std::is_convertible_v<U, T> && !std::is_same_v<U, T> && !kIsResult<T>)
  explicit(false) Result(Result<U> other)
      : state_(other ? State(std::in_place, *std::move(other))
                     : State(std::unexpect, Failure(std::move(other.error())))) {}

  bool has_value() const { return state_.has_value(); }
  explicit operator bool() const { return state_.has_value(); }
  T& operator*() & { return *state_; }
  const T& operator*() const& { return *state_; }
  T&& operator*() && { return *std::move(state_); }
  /// For tests: throws std::bad_expected_access when there is none.
  T& value() & { return state_.value(); }
  const T& value() const& { return state_.value(); }
  T&& value() && { return std::move(state_).value(); }
  T* operator->() { return state_.operator->(); }
  const T* operator->() const { return state_.operator->(); }
  Error& error() { return state_.error().error(); }
  const Error& error() const { return state_.error().error(); }
  template <class U>
  T value_or(U&& other) const& {
    return state_.value_or(std::forward<U>(other));
  }
  template <class U>
  T value_or(U&& other) && {
    return std::move(state_).value_or(std::forward<U>(other));
  }

  template <class U>
    requires(!kIsResult<U>)
  friend bool operator==(const Result& result, const U& value) {
    return result.has_value() && *result == value;
  }

 private:
  using State = std::expected<T, Failure>;
  State state_;
};

/// Success or an expected failure.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  explicit(false) Result(Failure failure) : failure_(std::move(failure)) {}

  bool has_value() const { return !failure_.has_value(); }
  explicit operator bool() const { return has_value(); }
  Error& error() { return failure_->error(); }
  const Error& error() const { return failure_->error(); }

 private:
  std::optional<Failure> failure_;
};

}  // namespace headgate
