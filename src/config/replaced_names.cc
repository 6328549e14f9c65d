#include "config/replaced_names.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "config/cidr.h"
#include "config/listen_address.h"

namespace headgate::config {
namespace {

/// Longer lists of numbered keys are a mistake.
constexpr std::uint64_t kMostKeys = 10'000;
constexpr std::uint64_t kDefaultRequests = 100;
constexpr std::uint64_t kDefaultWindowSeconds = 60;

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return std::string(text.substr(first, text.find_last_not_of(kSpace) - first + 1));
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const char* begin = text.data();
  const char* end = begin + text.size();
  const auto [stop, error] = std::from_chars(begin, end, value);
  return error == std::errc{} && stop == end ? std::optional(value) : std::nullopt;
}

class ReplacedNames {
 public:
  ReplacedNames(const Environment& environment, const ReplacedContext& context, Node& tree,
                std::vector<std::string>& problems)
      : environment_(environment), context_(context), tree_(tree), problems_(problems) {}

  std::vector<std::string> apply() {
    log_level();
    listen();
    stores();
    secrets();
    rate_limit();
    runpod();
    vendor("OPENAI_API_KEY", "openai", "https://api.openai.com/v1");
    vendor("ANTHROPIC_API_KEY", "anthropic", "https://api.anthropic.com");
    vendor("GEMINI_API_KEY", "gemini", "https://generativelanguage.googleapis.com");
    return std::move(warnings_);
  }

 private:
  struct Variable {
    std::string name;
    std::string value;
    Place place;
  };

  /// The first of `names` that is set and not empty.
  std::optional<Variable> first_of(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names) {
      const auto found = environment_.find(name);
      if (found == environment_.end()) {
        continue;
      }
      std::string value = trimmed(found->second);
      if (!value.empty()) {
        return Variable{std::string(name), std::move(value), place_of(name)};
      }
    }
    return std::nullopt;
  }

  static Place place_of(std::string_view name) {
    return {std::make_shared<const std::string>("environment variable " + std::string(name)), 0, 0};
  }

  Node& at(std::initializer_list<std::string_view> path) {
    Node* node = &tree_;
    for (const std::string_view part : path) {
      node = &node->at(part);
    }
    return *node;
  }

  void set(std::initializer_list<std::string_view> path, const Variable& variable,
           std::string value) {
    at(path) = Node::scalar(std::move(value), variable.place);
  }

  void problem(const Variable& variable, std::string_view message) {
    problems_.push_back(variable.place.text() + ": " + std::string(message));
  }

  std::optional<std::uint64_t> whole(const Variable& variable) {
    const auto value = number(variable.value);
    if (!value || *value > 1'000'000'000'000) {
      problem(variable, "\"" + variable.value + "\" is not a whole number");
      return std::nullopt;
    }
    return value;
  }

  void log_level() {
    const auto level = first_of({"LOG_LEVEL"});
    if (!level) {
      return;
    }
    std::string word = level->value;
    std::ranges::transform(word, word.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (word == "warn") {
      word = "warning";
    } else if (word == "critical" || word == "fatal") {
      word = "error";
    }
    set({"log", "level"}, *level, word);
  }

  void listen() {
    if (context_.listen_configured) {
      return;
    }
    const auto host = first_of({"SERVER_HOST", "API_HOST"});
    const auto port = first_of({"SERVER_PORT", "API_PORT"});
    if (!host && !port) {
      return;
    }
    const auto base = configured_listen();
    std::string host_text = host ? host->value : base.host;
    if (host_text.starts_with('[') && host_text.ends_with(']')) {
      host_text = host_text.substr(1, host_text.size() - 2);
    }
    const auto address = IpAddress::parse(host_text);
    if (host_text.contains(':')) {
      host_text = "[" + host_text + "]";
    }
    const std::string port_text = port ? port->value : std::to_string(base.port);
    set({"server", "listen"}, host ? *host : *port, host_text + ":" + port_text);

    // Those deployments serve plain HTTP behind a proxy: naming the address is their consent.
    const bool open = host && !(address && address->is_loopback()) && host->value != "localhost";
    if (open) {
      set({"server", "insecure"}, *host, "true");
    }
  }

  ListenAddress configured_listen() {
    const Node& node = at({"server", "listen"});
    const Node& first =
        node.kind == Node::Kind::List && !node.items.empty() ? node.items.front() : node;
    const auto parsed = ListenAddress::parse(first.text);
    return parsed ? *parsed : *ListenAddress::parse("127.0.0.1:8080");
  }

  void stores() {
    if (const auto url = first_of({"DATABASE_URL", "POSTGRES_URL"})) {
      if (url->value.starts_with("sqlite")) {
        const auto separator = url->value.find(':');  // sqlite+aiosqlite:///./gateway.db
        set({"store", "url"}, *url,
            "sqlite" + url->value.substr(std::min(separator, url->value.size())));
      } else {
        warnings_.push_back(url->name +
                            " names a database that this version does not serve yet; keys and "
                            "users are kept in SQLite in data_dir");
      }
    }
    if (const auto url = first_of({"REDIS_URL"})) {
      set({"shared", "url"}, *url, url->value);
    }
  }

  void secrets() {
    if (const auto secret = first_of({"JWT_SECRET", "SECRET_KEY"})) {
      set({"auth", "jwt", "secret"}, *secret, secret->value);
    }
    if (const auto expiry = first_of({"API_KEY_EXPIRY"})) {
      if (const auto seconds = whole(*expiry)) {
        set({"auth", "key_lifetime"}, *expiry, std::to_string(*seconds) + "s");
      }
    }
    const auto key = first_of({"GATEWAY_API_KEY"});
    if (!key) {
      return;
    }
    Node& keys = at({"auth", "keys"});
    const bool there = std::ranges::any_of(keys.items, [&](const Node& item) {
      const Node* value = item.find("key");
      return value != nullptr && value->text == key->value;
    });
    if (there || (keys.kind != Node::Kind::List && keys.kind != Node::Kind::Null)) {
      return;
    }
    keys.kind = Node::Kind::List;
    Node entry = Node::map(key->place);
    entry.at("name") = Node::scalar("GATEWAY_API_KEY", key->place);
    entry.at("key") = Node::scalar(key->value, key->place);
    std::vector<Node> scopes;
    for (const char* scope : {"inference:*", "models:read", "jobs:read", "jobs:write"}) {
      scopes.push_back(Node::scalar(scope, key->place));
    }
    entry.at("scopes") = Node::list(std::move(scopes), key->place);
    keys.items.push_back(std::move(entry));
  }

  void rate_limit() {
    const auto requests = first_of({"RATE_LIMIT_REQUESTS"});
    const auto window = first_of({"RATE_LIMIT_WINDOW"});
    if (!requests && !window) {
      return;
    }
    const auto count = requests ? whole(*requests) : std::optional(kDefaultRequests);
    const auto seconds = window ? whole(*window) : std::optional(kDefaultWindowSeconds);
    if (!count || !seconds) {
      return;
    }
    if (*seconds == 0) {
      problem(*window, "the window must be one second or more");
      return;
    }
    const Variable& variable = requests ? *requests : *window;
    Node tier = Node::map(variable.place);
    const auto put = [&](std::string_view name, std::string value) {
      tier.at(name) = Node::scalar(std::move(value), variable.place);
    };
    if (*seconds == 60) {
      put("per_minute", std::to_string(*count));
    } else if (*seconds == 3600) {
      put("per_hour", std::to_string(*count));
    } else {
      put("per_window", std::to_string(*count));
      put("window", std::to_string(*seconds) + "s");
    }
    at({"limits", "tiers", "default"}) = std::move(tier);
  }

  void runpod() {
    const auto key = first_of({"RUNPOD_API_KEY"});
    const auto classify = first_of({"RUNPOD_CLASSIFY_ENDPOINT"});
    const auto extract = first_of({"RUNPOD_EXTRACT_ENDPOINT"});
    if (!key) {
      if (classify || extract) {
        warnings_.push_back((classify ? classify : extract)->name +
                            " is set without RUNPOD_API_KEY and has no effect");
      }
      return;
    }
    const auto timeout = first_of({"RUNPOD_TIMEOUT"});
    const auto timeout_seconds = timeout ? whole(*timeout) : std::nullopt;
    if (tree_.at("providers").find("runpod") == nullptr) {
      Node& provider = at({"providers", "runpod"});
      provider = Node::map(key->place);
      provider.at("protocol") = Node::scalar("runpod", key->place);
      provider.at("base_url") = Node::scalar("https://api.runpod.ai/v2", key->place);
      provider.at("api_keys") = Node::list({Node::scalar(key->value, key->place)}, key->place);
      if (timeout_seconds) {
        provider.at("timeout") =
            Node::scalar(std::to_string(*timeout_seconds) + "s", timeout->place);
      }
    }
    if (classify) {
      put_runpod_first("document-classifier", *classify);
    }
    if (extract) {
      put_runpod_first("document-extractor", *extract);
    }
  }

  void put_runpod_first(std::string_view model, const Variable& endpoint) {
    Node& entry = at({"models", model});
    if (entry.place.source != nullptr) {
      return;  // the file describes it
    }
    Node target = Node::map(endpoint.place);
    target.at("provider") = Node::scalar("runpod", endpoint.place);
    target.at("endpoint") = Node::scalar(endpoint.value, endpoint.place);
    Node& targets = entry.at("targets");
    targets.items.insert(targets.items.begin(), std::move(target));
    // The replaced gateway's "retries" were attempts.
    const auto attempts = first_of({"RUNPOD_MAX_RETRIES"});
    const auto count = attempts ? whole(*attempts) : std::nullopt;
    if (count) {
      entry.at("retry").at("max_attempts") =
          Node::scalar(std::to_string(std::max<std::uint64_t>(*count, 1)), attempts->place);
    }
  }

  void vendor(std::string_view name, std::string_view provider, std::string_view base_url) {
    const std::vector<Variable> keys = numbered(name);
    if (keys.empty() || at({"providers"}).find(provider) != nullptr) {
      return;
    }
    Node& entry = at({"providers", provider});
    entry = Node::map(keys.front().place);
    entry.at("protocol") = Node::scalar(std::string(provider), keys.front().place);
    entry.at("base_url") = Node::scalar(std::string(base_url), keys.front().place);
    std::vector<Node> values;
    values.reserve(keys.size());
    for (const Variable& key : keys) {
      values.push_back(Node::scalar(key.value, key.place));
    }
    entry.at("api_keys") = Node::list(std::move(values), keys.front().place);
    if (provider == "openai" && !context_.models_configured) {
      entry.at("any_model") = Node::scalar("true", keys.front().place);
    }
  }

  /// NAME, then NAME_1, NAME_2, ... in the order of their numbers, each value once.
  std::vector<Variable> numbered(std::string_view name) const {
    std::map<std::uint64_t, Variable> sorted;
    if (auto plain = first_of({name})) {
      sorted.emplace(0, std::move(*plain));
    }
    const std::string prefix = std::string(name) + "_";
    for (auto at = environment_.lower_bound(prefix);
         at != environment_.end() && at->first.starts_with(prefix); ++at) {
      const auto index = number(std::string_view(at->first).substr(prefix.size()));
      if (!index || *index >= kMostKeys) {
        continue;
      }
      if (auto variable = first_of({at->first})) {
        sorted.emplace(*index + 1, std::move(*variable));
      }
    }
    std::vector<Variable> keys;
    for (auto& [index, variable] : sorted) {
      const bool known = std::ranges::any_of(
          keys, [&](const Variable& key) { return key.value == variable.value; });
      if (!known) {
        keys.push_back(std::move(variable));
      }
    }
    return keys;
  }

  const Environment& environment_;
  const ReplacedContext& context_;
  Node& tree_;
  std::vector<std::string>& problems_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::vector<std::string> apply_replaced_names(const Environment& environment,
                                              const ReplacedContext& context, Node& tree,
                                              std::vector<std::string>& problems) {
  return ReplacedNames(environment, context, tree, problems).apply();
}

}  // namespace headgate::config
