#include "queue/webhook_signature.h"

#include <utility>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/private_file.h"
#include "config/webhook_secret.h"

namespace headgate::queue {
namespace {

constexpr std::size_t kKeyBytes = 32;  // the digest's size

/// The key in the file at `path`, made if there is none.
Result<config::Secret> key_in_file(const std::string& path) {
  auto kept = read_private_file(path);
  if (!kept) {
    return fail(kept.error());
  }
  if (!*kept) {
    std::string key = random_bytes(kKeyBytes);
    auto written = write_private_file(path, config::webhook_secret(key).reveal() + "\n");
    return written ? Result<config::Secret>(config::Secret(std::move(key))) : fail(written.error());
  }
  std::string text = std::move(**kept);
  text.erase(text.find_last_not_of(" \r\n") + 1);
  auto key = config::webhook_key(config::Secret(std::move(text)));
  if (!key) {
    return fail(private_file_error(path,
                                   "is not whsec_ and the base64 of 24 to 64 bytes; delete it to "
                                   "have a new one made"));
  }
  return std::move(*key);
}

Result<config::Secret> key_of(const config::Secret& secret, const char* option) {
  auto key = config::webhook_key(secret);
  if (!key) {
    return fail(
        invalid_request("A webhook secret is whsec_ and the base64 of 24 to 64 bytes.", option));
  }
  return std::move(*key);
}

}  // namespace

Result<std::vector<config::Secret>> load_webhook_keys(const config::WebhookSettings& settings,
                                                      const std::string& data_dir) {
  std::vector<config::Secret> keys;
  auto first = settings.secret.empty() ? key_in_file(data_dir + "/webhook-secret")
                                       : key_of(settings.secret, "webhooks.secret");
  if (!first) {
    return fail(std::move(first.error()));
  }
  keys.push_back(std::move(*first));
  for (const config::Secret& secret : settings.old_secrets) {
    auto key = key_of(secret, "webhooks.old_secrets");
    if (!key) {
      return fail(std::move(key.error()));
    }
    keys.push_back(std::move(*key));
  }
  return keys;
}

std::string webhook_signature(std::span<const config::Secret> keys, std::string_view id,
                              std::int64_t timestamp, std::string_view body) {
  std::string signed_text(id);
  signed_text.append(".").append(std::to_string(timestamp)).append(".").append(body);
  std::string signatures;
  for (const config::Secret& key : keys) {
    signatures.append(signatures.empty() ? "v1," : " v1,");
    signatures.append(base64(as_view(hmac_sha256(key.reveal(), signed_text))));
  }
  return signatures;
}

}  // namespace headgate::queue
