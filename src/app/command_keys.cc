#include <iostream>

#include "api/admin_keys.h"
#include "app/command_config.h"
#include "app/commands.h"
#include "app/open_store.h"
#include "auth/api_key.h"
#include "auth/tokens.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "limits/pricing.h"
#include "stores/sqlite/stores.h"

namespace headgate::app {
namespace {

void print_key(const stores::ApiKeyRecord& record) {
  std::cout << record.id << "  " << (record.revoked_at ? "revoked" : "active ") << "  "
            << record.tier << "  " << record.name << "  [" << auth::scope_text(record.scopes)
            << "]\n";
}

std::optional<std::int64_t> budget_of(double usd) {
  return usd < 0 ? std::nullopt : std::optional(limits::micro_usd_of(usd));
}

}  // namespace

int keys_create(const KeyOptions& options) {
  auto opened = open_store(options.config);
  if (!opened) {
    return complain(opened.error(), kFailure);
  }
  auto scopes = scopes_of(options.scopes);
  if (!scopes) {
    return complain(scopes.error(), kBadUsage);
  }
  if (!auth::is_key_name(options.name)) {
    return complain(invalid_request("--name must have 1 to 128 bytes and no control characters."),
                    kBadUsage);
  }
  if (!opened->has_tier(options.tier)) {
    return complain(invalid_request("There is no tier '" + options.tier + "'."), kBadUsage);
  }
  const auth::MintedKey minted = auth::mint_api_key();
  stores::ApiKeyRecord record;
  record.id = minted.id;
  record.name = options.name;
  record.hash = sha256(minted.text);
  record.scopes = *scopes;
  record.tier = options.tier;
  record.budget_day = budget_of(options.budget_day);
  record.budget_month = budget_of(options.budget_month);
  record.created_at = unix_ms(std::chrono::system_clock::now());
  if (opened->settings.auth.key_lifetime.count() > 0) {
    record.expires_at = record.created_at + opened->settings.auth.key_lifetime.count();
  }
  auto added = stores::sqlite::make_key_store(*opened->database)->add(record);
  if (!added) {
    return complain(added.error(), kFailure);
  }
  if (options.format == OutputFormat::Json) {
    std::string json = api::key_json(record);
    json.pop_back();
    std::cout << json << R"(,"key":)" << json_quote(minted.text) << "}\n";
  } else {
    std::cout << "Key " << record.id << " (" << record.name << "), shown only this once:\n"
              << minted.text << "\n";
  }
  return kSuccess;
}

int keys_list(const KeyOptions& options) {
  auto opened = open_store(options.config);
  if (!opened) {
    return complain(opened.error(), kFailure);
  }
  auto records = stores::sqlite::make_key_store(*opened->database)->list();
  if (!records) {
    return complain(records.error(), kFailure);
  }
  if (options.format == OutputFormat::Json) {
    std::string json = "[";
    for (const stores::ApiKeyRecord& record : *records) {
      json.append(json.size() > 1 ? "," : "").append(api::key_json(record));
    }
    std::cout << json << "]\n";
    return kSuccess;
  }
  for (const stores::ApiKeyRecord& record : *records) {
    print_key(record);
  }
  return kSuccess;
}

int keys_revoke(const KeyOptions& options) {
  auto opened = open_store(options.config);
  if (!opened) {
    return complain(opened.error(), kFailure);
  }
  auto revoked = stores::sqlite::make_key_store(*opened->database)
                     ->revoke(options.id, unix_ms(std::chrono::system_clock::now()));
  if (!revoked) {
    return complain(revoked.error(), kFailure);
  }
  if (options.format == OutputFormat::Json) {
    std::cout << R"({"id":)" << json_quote(options.id) << R"(,"revoked":true})" << "\n";
  } else {
    std::cout << "Key " << options.id
              << " is revoked; a running gateway refuses it within a second.\n";
  }
  return kSuccess;
}

}  // namespace headgate::app
