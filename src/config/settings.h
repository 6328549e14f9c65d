#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/principal.h"

namespace headgate::config {

/// A text that must not be shown: prints, logs and serialises as "***".
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  /// The text itself. Only for the code that sends or compares it.
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string text_;
};

using Milliseconds = std::chrono::milliseconds;

struct TlsSettings {
  std::string cert;
  std::string key;
  std::string client_ca;
  bool enabled() const { return !cert.empty(); }
};

struct ServerSettings {
  std::vector<std::string> listen{"127.0.0.1:8080"};
  std::string admin_listen;
  unsigned threads = 0;  ///< 0: one event loop per core
  TlsSettings tls;
  std::uint64_t max_connections = 10000;
  std::uint64_t max_header_size = 32 << 10;
  std::uint64_t max_body_size = 32 << 20;
  Milliseconds header_timeout{10'000};
  Milliseconds body_timeout{60'000};
  Milliseconds idle_timeout{75'000};
  Milliseconds shutdown_grace{30'000};
  std::vector<std::string> trusted_proxies;  ///< CIDRs
  std::vector<std::string> cors_allow_origins;
  bool cors_allow_credentials = false;
  bool insecure = false;  ///< allows a non-loopback listener without TLS
};

struct LogSettings {
  std::string level = "info";   ///< trace | debug | info | warning | error
  std::string format = "auto";  ///< auto | text | json
};

struct StaticKey {
  std::string name;
  Secret key;
  model::ScopeSet scopes;
  std::string tier = "default";
};

struct AuthSettings {
  std::string admin_user = "admin";
  Secret admin_password;
  Secret jwt_secret;
  std::vector<Secret> jwt_old_secrets;  ///< still accepted, no longer used for signing
  Milliseconds access_ttl{15 * 60'000};
  Milliseconds refresh_ttl{30LL * 24 * 3600'000};
  std::string issuer = "headgate";
  bool password_grant = true;
  Milliseconds key_lifetime{0};  ///< of new keys in the store that name no expiry; 0: for ever
  std::vector<StaticKey> keys;
  std::vector<std::string> ip_allow;  ///< CIDRs; empty: any
};

/// Requests of one client or of one route; 0: no limit of that kind.
struct RequestSettings {
  std::uint64_t per_minute = 0;
  std::uint64_t per_hour = 0;
  std::uint64_t burst = 0;  ///< requests that may come at once; 0: a whole minute's
  std::uint64_t concurrent = 0;
};

struct TierSettings {
  std::uint64_t per_minute = 0;  ///< 0: no limit of that kind
  std::uint64_t per_hour = 0;
  std::uint64_t per_window = 0;  ///< requests in each `window`
  Milliseconds window{0};
  std::uint64_t concurrent = 0;
  std::uint64_t burst = 0;  ///< requests that may come at once; 0: a whole minute's (window's)
  std::uint64_t tokens_per_minute = 0;
  double budget_day = 0;  ///< USD; 0: none
  double budget_month = 0;
  RequestSettings client{};  ///< of each X-Client-ID, inside the principal's own limits
};

/// When the gateway refuses requests below high priority because it is itself overloaded. A
/// threshold of 0: never for that reason.
struct OverloadSettings {
  Milliseconds low_lag{250};  ///< delay of the event loops from which low priority is refused
  Milliseconds normal_lag{1'000};
  double low_memory = 0.85;  ///< share of `memory` from which low priority is refused
  double normal_memory = 0.95;
  std::uint64_t memory = 0;  ///< bytes; 0: the cgroup's limit or the machine's
  Milliseconds hold{3'000};  ///< how long it must be calm before a class is let in again
};

/// What is repeated after a failure inside one request.
struct RetrySettings {
  unsigned max_attempts = 3;  ///< per target
  Milliseconds initial{500};
  Milliseconds max{8'000};
  double factor = 2;
  double budget = 0.2;            ///< retries per request over the last ten seconds
  double budget_per_second = 10;  ///< retries that are allowed besides
};

/// What is repeated after a failed job.
struct JobRetrySettings {
  Milliseconds initial{5'000};
  double factor = 2;
  Milliseconds max{60'000};
  std::string jitter = "full";  ///< full | none
};

/// Shares of a model's slots that are kept for a priority class while it waits, 0 to 1.
struct ReserveSettings {
  double high = 0;
  double normal = 0;
  double low = 0;
  double batch = 0;
};

struct QueueSettings {
  std::uint64_t max_concurrent = 10;
  std::uint64_t max_waiting = 10;
  std::uint64_t max_backlog = 100'000;  ///< durable jobs that wait on disk
  Milliseconds timeout{300'000};        ///< from running to done
  Milliseconds wait_timeout{60'000};    ///< a caller who waits in line
  unsigned max_attempts = 4;
  JobRetrySettings retry;
  Milliseconds age_step{30'000};  ///< 0: never
  ReserveSettings reserve;
  Milliseconds retention{15LL * 24 * 3600'000};
};

struct BreakerSettings {
  unsigned failures = 5;  ///< in a row; 0: no breaker
  Milliseconds open_for{60'000};
};

/// A model server that the gateway starts itself. Unset when `command` is empty.
struct ModelServerSettings {
  std::vector<std::string> command;  ///< program and arguments, never a shell line
  unsigned port = 0;
  std::string health = "/health";
  Milliseconds start_timeout{600'000};
  Milliseconds idle_stop{0};  ///< 0: never
};

struct ProviderSettings {
  std::string name;
  std::string protocol;  ///< openai | anthropic | gemini | runpod | embedded
  std::string base_url;
  std::vector<Secret> api_keys;
  std::uint64_t requests_per_minute = 0;
  Milliseconds timeout{0};  ///< of one attempt; 0: the model's own time limits only
  unsigned workers = 0;     ///< embedded: worker processes, 0: one per core
  bool any_model = false;   ///< a model name that is not configured is sent here as it is
};

struct TargetSettings {
  std::string provider;
  std::string model;     ///< the provider's name of the model; empty: the public name
  std::string endpoint;  ///< runpod: endpoint id
  double weight = 1;
  double quality = 0;
  double price_input = 0;  ///< USD per million tokens
  double price_output = 0;
  double price_image = 0;        ///< USD for each image made
  double price_characters = 0;   ///< USD per million characters spoken
  double price_minute = 0;       ///< USD per minute of sound transcribed
  std::uint64_t context = 0;     ///< tokens; 0: unknown
  std::uint64_t max_output = 0;  ///< tokens of its longest answer; 0: unknown
  /// What it can do: text, images, tools, json_schema; empty: unknown, and then assumed.
  std::vector<std::string> supports;
};

/// Sends some of a model's requests elsewhere. The first rule of a model that is about a request
/// holds; an empty condition is about all. Targets are named by provider or provider/model.
struct RuleSettings {
  std::uint64_t min_input_tokens = 0;
  std::uint64_t max_input_tokens = 0;  ///< 0: no bound
  std::vector<std::string> kinds;
  std::vector<std::string> clients;  ///< X-Client-ID or name of the user or key
  std::string hours;                 ///< "22:00-06:00" in UTC; empty: always
  std::string images = "any";        ///< any | with | without
  std::vector<std::string> prefer;   ///< targets that are tried first
  std::vector<std::string> only;     ///< targets that may be tried at all
  std::string model;                 ///< another model that answers instead
};

struct TimeoutSettings {
  Milliseconds connect{2'000};
  Milliseconds first_byte{30'000};
  Milliseconds first_token{30'000};
  Milliseconds idle{30'000};
  Milliseconds total{300'000};
};

struct ModelSettings {
  std::string name;
  std::vector<std::string> aliases;
  std::string kind = "chat";  ///< chat | completion | embedding | ocr | classify | extract | ...
  std::string strategy = "ordered";
  std::vector<TargetSettings> targets;
  TimeoutSettings timeouts;
  QueueSettings queue;  ///< Settings::queue where the model says nothing
  RetrySettings retry;
  BreakerSettings breaker;
  std::string hedge_after = "off";  ///< off | p95 | a duration
  std::vector<std::string> fallback_models;
  double min_confidence = 0;  ///< of classify and extract; 0: any
  std::vector<RuleSettings> rules;
  Milliseconds cache_ttl{0};                  ///< 0: no cache
  std::string cache_requests = "repeatable";  ///< repeatable | all
  ModelServerSettings server;
};

/// What one route takes instead of the server's own limits, and beside those of the tiers.
struct RouteSettings {
  std::string name;                 ///< its pattern, e.g. "/v1/ocr"
  std::uint64_t max_body_size = 0;  ///< 0: server.max_body_size
  RequestSettings requests{};       ///< of each principal
};

struct DocumentSettings {
  std::vector<std::string> languages{"eng"};
  std::string resolution = "large";
  std::uint64_t max_file_size = 10 << 20;
  std::uint64_t max_pages = 200;
  std::uint64_t max_pixels = 100'000'000;  ///< per page
  Milliseconds page_timeout{60'000};
};

/// What all kept answers together may take.
struct CacheSettings {
  std::uint64_t max_memory = 64 << 20;  ///< bytes; 0: nothing is kept
  std::uint64_t max_answer = 1 << 20;
  std::uint64_t response_items = 32 << 20;     ///< bytes, apart from max_memory
  Milliseconds classify_ttl{24LL * 3600'000};  ///< of what documents were classified as; 0: none
};

struct FetchSettings {
  bool enabled = true;
  std::vector<std::string> allowed_hosts;  ///< empty: any public host
  std::vector<std::string> allow_http_hosts;
  std::vector<std::string> allow_private_hosts;
  Milliseconds timeout{30'000};
  unsigned max_redirects = 3;
};

/// How receivers are told that a job has ended. Which URLs may be called, FetchSettings says.
struct WebhookSettings {
  Secret secret;                    ///< see webhook_secret.h
  std::vector<Secret> old_secrets;  ///< each adds a signature
  unsigned max_attempts = 8;
  Milliseconds timeout{15'000};  ///< of one attempt
};

struct AutoSwitchSettings {
  bool enabled = false;
  Milliseconds pattern_window{7LL * 24 * 3600'000};
  std::uint64_t min_requests = 10;
};

struct TelemetrySettings {
  std::string otlp_endpoint;  ///< empty: off
  double sample = 1.0;
  bool capture_content = false;
};

/// The whole configuration: an immutable snapshot that a reload replaces. A component takes its own
/// part, never the whole.
struct Settings {
  ServerSettings server;
  std::string data_dir = "./data";
  std::string store_url = "sqlite:";  ///< config::sqlite_path says which file that is
  std::string shared_url;
  LogSettings log;
  AuthSettings auth;
  std::map<std::string, TierSettings> tiers;
  OverloadSettings overload;
  QueueSettings queue;
  std::vector<ProviderSettings> providers;
  std::vector<ModelSettings> models;
  CacheSettings cache;
  DocumentSettings documents;
  FetchSettings fetch;
  WebhookSettings webhooks;
  std::vector<RouteSettings> routes;
  AutoSwitchSettings auto_switch;
  TelemetrySettings telemetry;
};

}  // namespace headgate::config
