#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json_view.h"

namespace headgate::dialects {

/// Reads members of a request and keeps the first thing that is wrong with them, so that a decoder
/// asks once, at its end. `param` is a member's place, such as "messages[0].content". Null counts
/// as absent.
class FieldReader final {
 public:
  const std::optional<Error>& error() const { return error_; }
  bool failed() const { return error_.has_value(); }

  /// Keeps that the member at `param` may not be as it is; `wanted` continues "must be ".
  void wrong(const std::string& param, const std::string& wanted);
  /// Keeps that the member at `param` cannot be said to other vendors' models.
  void unsupported(const std::string& param, const std::string& why = {});
  void missing(const std::string& param);
  /// Keeps that `object` has a member that is not among `known`; one that is null is forgiven.
  void refuse_unknown(const JsonObject& object, const std::string& place,
                      std::initializer_list<std::string_view> known);

  std::string text(const JsonView& value, const std::string& param);
  std::string required_text(const JsonView& value, const std::string& param);
  /// One of `known`, or empty if absent.
  std::string word(const JsonView& value, const std::string& param,
                   std::initializer_list<std::string_view> known);
  std::optional<bool> flag(const JsonView& value, const std::string& param);
  std::optional<std::int64_t> integer(const JsonView& value, const std::string& param,
                                      std::int64_t least, std::int64_t most);
  std::optional<double> number(const JsonView& value, const std::string& param, double least,
                               double most);
  /// The JSON text of an object; empty if absent.
  std::string object(const JsonView& value, const std::string& param);

 private:
  void keep(std::string message, const std::string& param, std::string code);

  std::optional<Error> error_;
};

}  // namespace headgate::dialects
