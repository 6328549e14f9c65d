#include "config/checks.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "base/encoding.h"
#include "config/listen_address.h"
#include "config/nearest.h"
#include "config/target_reference.h"
#include "config/webhook_secret.h"

namespace headgate::config {
namespace {

constexpr std::size_t kShortestJwtSecret = 32;
constexpr std::size_t kShortestKey = 12;
constexpr std::size_t kShortestPassword = 8;
constexpr std::string_view kKnownPassword = "admin";

// Examples from the documents of the replaced gateways and of common tutorials.
constexpr std::array<std::string_view, 9> kKnownSecrets = {"your-secret-key",
                                                           "your-secure-secret-key",
                                                           "your-secure-api-key-here",
                                                           "your-api-key",
                                                           "your-runpod-api-key",
                                                           "test-key",
                                                           "changeme",
                                                           "change-me",
                                                           "your_access_token"};

bool is_known_secret(std::string_view secret) {
  const std::string lower = ascii_lower(secret);
  const bool known = std::ranges::any_of(kKnownSecrets, [&](std::string_view example) {
    return lower == example || lower.starts_with(std::string(example) + "-") ||
           lower.starts_with(std::string(example) + "_");
  });
  const bool repeated =
      !lower.empty() && lower.find_first_not_of(lower.front()) == std::string::npos;
  return known || repeated;
}

bool is_document_kind(std::string_view kind) {
  return kind == "ocr" || kind == "classify" || kind == "extract";
}

class Checker {
 public:
  explicit Checker(const Settings& settings) : settings_(settings) {}

  CheckResult run() {
    listeners();
    secrets();
    keys();
    tiers();
    providers();
    models();
    stores();
    return std::move(result_);
  }

 private:
  void problem(std::string text) { result_.problems.push_back(std::move(text)); }
  void warn(std::string text) { result_.warnings.push_back(std::move(text)); }

  /// "PATH: no tier "pr"; the nearest is "pro"".
  template <class Map>
  static std::string no_such(const std::string& path, const std::string& what,
                             const std::string& name, const Map& known) {
    std::vector<std::string> names;
    names.reserve(known.size());
    for (const auto& [candidate, value] : known) {
      names.push_back(candidate);
    }
    return path + ": no " + what + " \"" + name + "\"; the nearest is \"" + nearest(name, names) +
           "\"";
  }

  static std::string taken(const std::string& path, const std::string& alias,
                           const std::string& model) {
    return path + ".aliases: \"" + alias + "\" already names the model " + model;
  }

  void listeners() {
    const ServerSettings& server = settings_.server;
    if (server.listen.empty()) {
      problem("server.listen: name at least one address");
    }
    if (server.tls.cert.empty() != server.tls.key.empty()) {
      problem("server.tls: set cert and key together, or neither");
    }
    if (!server.tls.client_ca.empty() && !server.tls.enabled()) {
      problem("server.tls.client_ca: needs server.tls.cert and key");
    }
    for (const std::string& text : server.listen) {
      listener("server.listen", text);
    }
    if (!server.admin_listen.empty()) {
      listener("server.admin_listen", server.admin_listen);
    }
    const bool any_origin = std::ranges::count(server.cors_allow_origins, "*") > 0;
    if (any_origin && server.cors_allow_credentials) {
      problem(
          "server.cors: allow_origins \"*\" with allow_credentials would let every web page act "
          "for its visitor; name the origins");
    }
  }

  void listener(const std::string& path, const std::string& text) {
    const auto listen = ListenAddress::parse(text);
    if (!listen || listen->address.is_loopback()) {
      return;
    }
    open_to_others_ = true;
    if (settings_.server.tls.enabled()) {
      return;
    }
    if (!settings_.server.insecure) {
      problem(path + ": " + text +
              " can be reached from other machines, so it needs TLS (server.tls.cert and key). "
              "Behind a proxy that ends TLS, allow plain HTTP with server.insecure: true or "
              "HEADGATE_SERVER_INSECURE=true");
      return;
    }
    warn(path + ": " + text +
         " answers plain HTTP to other machines; keys and documents travel unencrypted unless a "
         "proxy in front ends TLS");
  }

  void secrets() {
    const AuthSettings& auth = settings_.auth;
    if (!auth.jwt_secret.empty()) {
      jwt_secret("auth.jwt.secret (JWT_SECRET)", auth.jwt_secret);
    }
    for (const Secret& old : auth.jwt_old_secrets) {
      jwt_secret("auth.jwt.old_secrets", old);
    }
    if (!settings_.webhooks.secret.empty()) {
      webhook_secret("webhooks.secret", settings_.webhooks.secret);
    }
    for (const Secret& old : settings_.webhooks.old_secrets) {
      webhook_secret("webhooks.old_secrets", old);
    }
    if (auth.admin_password.empty()) {
      return;
    }
    const std::string& password = auth.admin_password.reveal();
    if (password == kKnownPassword || is_known_secret(password)) {
      if (open_to_others_) {
        problem(
            "auth.admin_password: everyone knows this password, and the gateway can be reached "
            "from other machines; set another HEADGATE_ADMIN_PASSWORD");
      } else {
        warn("auth.admin_password: everyone knows this password; accepted on loopback only");
      }
    } else if (password.size() < kShortestPassword) {
      problem("auth.admin_password: shorter than 8 characters");
    }
  }

  void jwt_secret(const std::string& path, const Secret& secret) {
    if (is_known_secret(secret.reveal())) {
      problem(path +
              ": this is an example that everyone knows; make one with: openssl rand -hex 32");
    } else if (secret.reveal().size() < kShortestJwtSecret) {
      problem(path + ": shorter than 32 bytes; make one with: openssl rand -hex 32");
    }
  }

  void webhook_secret(const std::string& path, const Secret& secret) {
    if (!webhook_key(secret)) {
      problem(path +
              ": not whsec_ and the base64 of 24 to 64 bytes; make one with: echo "
              "whsec_$(openssl rand -base64 32)");
    }
  }

  void keys() {
    std::set<std::string_view> names;
    std::set<std::string_view> values;
    for (const StaticKey& key : settings_.auth.keys) {
      const std::string path = "auth.keys (" + (key.name.empty() ? "no name" : key.name) + ")";
      if (key.name.empty()) {
        problem(path + ": each key needs a name");
      } else if (!names.insert(key.name).second) {
        problem(path + ": two keys have this name");
      }
      if (!values.insert(key.key.reveal()).second) {
        problem(path + ": another entry has the same key");
      }
      if (is_known_secret(key.key.reveal())) {
        problem(path +
                ": this is an example that everyone knows; make one with: openssl rand -hex 24");
      } else if (key.key.reveal().size() < kShortestKey) {
        problem(path + ": a key has 12 characters or more");
      }
      if (key.scopes.empty()) {
        problem(path + ": name at least one scope");
      }
      if (!settings_.tiers.contains(key.tier)) {
        problem(no_such(path, "tier", key.tier, settings_.tiers));
      }
    }
  }

  void tiers() {
    for (const auto& [name, tier] : settings_.tiers) {
      if ((tier.per_window != 0) != (tier.window.count() != 0)) {
        problem("limits.tiers." + name + ": set per_window and window together, or neither");
      }
    }
  }

  void providers() {
    bool has_wildcard = false;
    for (const ProviderSettings& provider : settings_.providers) {
      const std::string path = "providers." + provider.name;
      protocols_[provider.name] = provider.protocol;
      if (provider.protocol.empty()) {
        problem(path +
                ": name its protocol: openai, anthropic, gemini, runpod, runpod_queue or "
                "embedded");
        continue;
      }
      const bool embedded = provider.protocol == "embedded";
      if (!embedded && provider.base_url.empty()) {
        problem(path + ": a provider of protocol " + provider.protocol + " needs a base_url");
      }
      if (embedded && !provider.base_url.empty()) {
        problem(path + ": the embedded engine has no base_url");
      }
      if (provider.any_model) {
        if (has_wildcard) {
          problem(path + ".any_model: another provider has it already");
        }
        if (embedded) {
          problem(path + ".any_model: the embedded engine serves documents only");
        }
        has_wildcard = true;
      }
    }
  }

  void models() {
    std::map<std::string, std::string> owners;
    for (const ModelSettings& model : settings_.models) {
      owners.emplace(model.name, model.name);
    }
    for (const ModelSettings& model : settings_.models) {
      const std::string path = "models." + model.name;
      for (const std::string& alias : model.aliases) {
        const auto [owner, fresh] = owners.emplace(alias, model.name);
        if (!fresh) {
          problem(taken(path, alias, owner->second));
        }
      }
      if (model.targets.empty()) {
        problem(path + ": a model needs at least one target");
      }
      targets(model, path);
    }
    for (const ModelSettings& model : settings_.models) {
      other_models(model, owners);
      rules(model, owners);
    }
  }

  /// `owners` maps names and aliases to models.
  void other_models(const ModelSettings& model, const std::map<std::string, std::string>& owners) {
    const std::string path = "models." + model.name + ".fallback_models";
    for (const std::string& other : model.fallback_models) {
      other_model(model, path, other, owners);
    }
  }

  void other_model(const ModelSettings& model, const std::string& path, const std::string& other,
                   const std::map<std::string, std::string>& owners) {
    const auto owner = owners.find(other);
    if (owner == owners.end()) {
      problem(no_such(path, "model", other, owners));
    } else if (owner->second == model.name) {
      problem(path + ": \"" + other + "\" is this model itself");
    }
  }

  void rules(const ModelSettings& model, const std::map<std::string, std::string>& owners) {
    std::size_t number = 0;
    for (const RuleSettings& rule : model.rules) {
      const std::string path = "models." + model.name + ".rules[" + std::to_string(number++) + "]";
      if (rule.model.empty() && rule.prefer.empty() && rule.only.empty()) {
        problem(path + ": say what follows: prefer, only or model");
      } else if (!rule.model.empty() && !(rule.prefer.empty() && rule.only.empty())) {
        problem(path + ": with model, prefer and only have no meaning");
      }
      if (rule.max_input_tokens != 0 && rule.max_input_tokens < rule.min_input_tokens) {
        problem(path + ": max_input_tokens is below min_input_tokens");
      }
      if (!rule.model.empty()) {
        other_model(model, path + ".model", rule.model, owners);
      }
      rule_targets(model, path + ".prefer", rule.prefer);
      rule_targets(model, path + ".only", rule.only);
    }
  }

  void rule_targets(const ModelSettings& model, const std::string& path,
                    const std::vector<std::string>& references) {
    std::map<std::string, std::string> known;
    for (const TargetSettings& target : model.targets) {
      known.emplace(target.provider, "");
      known.emplace(target.provider + "/" + target_name(target, model.name), "");
    }
    for (const std::string& reference : references) {
      if (!known.contains(reference)) {
        problem(no_such(path, "target", reference, known));
      }
    }
  }

  void targets(const ModelSettings& model, const std::string& path) {
    for (const TargetSettings& target : model.targets) {
      const auto protocol = protocols_.find(target.provider);
      if (protocol == protocols_.end()) {
        problem(no_such(path + ".targets", "provider", target.provider, protocols_));
        continue;
      }
      if (protocol->second == "embedded" && !is_document_kind(model.kind)) {
        problem(path +
                ".targets: the embedded engine serves the kinds ocr, classify and extract, "
                "not " +
                model.kind);
      }
      if (protocol->second.starts_with("runpod") && target.endpoint.empty()) {
        problem(path + ".targets: a target of " + target.provider + " needs an endpoint");
      }
    }
  }

  void stores() {
    if (!settings_.store_url.starts_with("sqlite:")) {
      warn(
          "store.url: this version does not serve PostgreSQL yet; keys and users are kept in "
          "SQLite in data_dir");
    }
    if (!settings_.shared_url.empty()) {
      warn(
          "shared.url (REDIS_URL): not used by this version yet; limits are counted in this "
          "gateway alone");
    }
  }

  const Settings& settings_;
  CheckResult result_;
  std::map<std::string, std::string> protocols_;
  bool open_to_others_ = false;
};

}  // namespace

CheckResult check_settings(const Settings& settings) { return Checker(settings).run(); }

}  // namespace headgate::config
