#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "edge/handler.h"

namespace headgate::testing {

/// Pieces, and then the end or an error.
class Pieces final : public edge::BodyStream {
 public:
  explicit Pieces(std::deque<std::string> pieces, std::optional<Error> error = std::nullopt)
      : pieces_(std::move(pieces)), error_(std::move(error)) {}
  Task<Result<std::string_view>> next() override {
    if (pieces_.empty()) {
      co_return error_ ? Result<std::string_view>(fail(*error_)) : std::string_view();
    }
    last_ = std::move(pieces_.front());
    pieces_.pop_front();
    co_return std::string_view(last_);
  }

 private:
  std::deque<std::string> pieces_;
  const std::optional<Error> error_;
  std::string last_;
};

}  // namespace headgate::testing
