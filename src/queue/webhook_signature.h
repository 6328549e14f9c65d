#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/settings.h"

namespace headgate::queue {

/// The keys that deliveries are signed with, the first for good, the others until every receiver
/// knows the first. Its secret is the configured one, else the one in `<data_dir>/webhook-secret`
/// (mode 0600), made at the first start. Fails if a secret is malformed (config::webhook_key), or
/// if the file cannot be read or is open to others. Blocks.
Result<std::vector<config::Secret>> load_webhook_keys(const config::WebhookSettings& settings,
                                                      const std::string& data_dir);

/// The value of the field webhook-signature by Standard Webhooks: for each key "v1," and the base64
/// of HMAC-SHA-256 over "ID.TIMESTAMP.BODY". `timestamp` is in Unix seconds.
std::string webhook_signature(std::span<const config::Secret> keys, std::string_view id,
                              std::int64_t timestamp, std::string_view body);

}  // namespace headgate::queue
