#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace headgate::providers {

/// The member `name` of a JSON object as it stands in `object_json`, so that no number in it
/// changes. Unset if it is not there, or the text is no valid JSON object.
std::optional<std::string> raw_member(std::string_view object_json, std::string_view name);

}  // namespace headgate::providers
