#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/settings.h"

namespace headgate::config {

/// The key that a webhook secret stands for: "whsec_" and the base64 of 24 to 64 bytes, as Standard
/// Webhooks has it. nullopt if it is anything else.
std::optional<Secret> webhook_key(const Secret& secret);

/// The secret that stands for `key`, to be shown to receivers.
Secret webhook_secret(std::string_view key);

}  // namespace headgate::config
