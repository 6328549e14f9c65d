#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/inference_request.h"

// What the readers of inference requests have in common; `raw` is a member's JSON text.
namespace headgate::api {

/// InvalidRequest (`missing_required_parameter`) that names the field.
Failure missing_member(const std::string& field);
/// InvalidRequest (`invalid_type`) that names the field.
Failure wrong_member(const std::string& field, const std::string& wanted);

/// The member "model": a text of 1 to 256 characters.
Result<std::string> decode_model(std::optional<std::string_view> raw);
/// False if absent or null.
Result<bool> decode_flag(std::optional<std::string_view> raw, const std::string& field);
/// 0 if it is no whole number.
std::int64_t decode_tokens(std::string_view raw);
/// InvalidRequest that names the field unless `raw` is null or a whole number of at least `least`.
/// Other ways to write a number are read by some servers and not by others.
Result<void> require_whole(std::string_view raw, const std::string& field,
                           std::int64_t least = INT64_MIN);
/// Whether an array has elements.
bool has_elements(std::string_view raw);

/// How many characters the text `raw` has; 0 if it is none.
std::int64_t count_characters(std::string_view raw);

/// Where `part` of `body` stands in it.
model::Span span_of(std::string_view body, std::string_view part);

}  // namespace headgate::api
