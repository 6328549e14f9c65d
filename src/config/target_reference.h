#pragma once

#include <string>
#include <string_view>

#include "config/settings.h"

namespace headgate::config {

/// What a target of the model `public_name` is called beside its provider: its endpoint, its name
/// of the model, or the public name.
inline const std::string& target_name(const TargetSettings& target,
                                      const std::string& public_name) {
  if (!target.endpoint.empty()) {
    return target.endpoint;
  }
  return target.model.empty() ? public_name : target.model;
}

/// Whether `reference`, as rules write it, means the target `name` (see target_name) of `provider`:
/// its provider, or provider/name.
inline bool names_target(std::string_view reference, std::string_view provider,
                         std::string_view name) {
  if (!reference.starts_with(provider)) {
    return false;
  }
  const std::string_view rest = reference.substr(provider.size());
  return rest.empty() || (rest.front() == '/' && rest.substr(1) == name);
}

}  // namespace headgate::config
