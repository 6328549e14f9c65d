// The option table, outside models and providers. One row per option: a new one needs a field in
// settings.h, a row here, and `cmake --build --preset dev --target config_docs`.

#include <array>

#include "config/option_slots.h"
#include "config/text_checks.h"

namespace headgate::config {
namespace {

using enum Reload;
using enum Type;

constexpr std::array<std::string_view, 5> kLogLevels = {"trace", "debug", "info", "warning",
                                                        "error"};
constexpr std::array<std::string_view, 3> kLogFormats = {"auto", "text", "json"};
constexpr std::array<std::string_view, 5> kResolutions = {"tiny", "small", "base", "large",
                                                          "gundam"};

using S = Settings;
using Server = ServerSettings;
using Auth = AuthSettings;
using Tier = TierSettings;

constexpr Option kRootOptions[] = {
    {.name = "data_dir",
     .type = Text,
     .help = "Folder for the database, generated secrets (mode 0600) and spooled files.",
     .slot = at<S, &S::data_dir>,
     .check = check_not_empty},
};

constexpr Option kServerOptions[] = {
    {.name = "listen",
     .type = TextList,
     .help = "Addresses to serve on, host:port. Other machines can reach it only with server.tls "
             "or server.insecure.",
     .slot = at<Server, &Server::listen>,
     .check = check_listen},
    {.name = "admin_listen",
     .type = Text,
     .help = "A second listener for /metrics, /admin and /ui; empty: the main one.",
     .slot = at<Server, &Server::admin_listen>,
     .check = check_optional_listen},
    {.name = "insecure",
     .type = Switch,
     .help = "Allow plain HTTP on an address that other machines can reach, as behind a TLS proxy.",
     .slot = at<Server, &Server::insecure>},
    {.name = "threads",
     .type = AutoCount,
     .help = "Event loops; auto: one per core.",
     .slot = at<Server, &Server::threads>,
     .maximum = 1024},
    {.name = "max_connections",
     .type = Count,
     .reload = Live,
     .help = "Client connections held at once; further ones are answered with 503 and closed.",
     .slot = at<Server, &Server::max_connections>,
     .minimum = 1,
     .maximum = 10'000'000},
    {.name = "max_header_size",
     .type = Size,
     .reload = Live,
     .help = "Largest request head; above it 431.",
     .slot = at<Server, &Server::max_header_size>,
     .minimum = kKiB,
     .maximum = kMiB},
    {.name = "max_body_size",
     .type = Size,
     .reload = Live,
     .help = "Largest request body; above it 413.",
     .slot = at<Server, &Server::max_body_size>,
     .minimum = kKiB,
     .maximum = 4 * kGiB},
    {.name = "header_timeout",
     .type = Duration,
     .reload = Live,
     .help = "Time for a request's head to arrive; then 408.",
     .slot = at<Server, &Server::header_timeout>,
     .minimum = 100,
     .maximum = kHour},
    {.name = "body_timeout",
     .type = Duration,
     .reload = Live,
     .help = "Time for a request's body to arrive; then 408.",
     .slot = at<Server, &Server::body_timeout>,
     .minimum = 100,
     .maximum = kDay},
    {.name = "idle_timeout",
     .type = Duration,
     .reload = Live,
     .help = "How long a connection may wait for its next request.",
     .slot = at<Server, &Server::idle_timeout>,
     .minimum = 100,
     .maximum = kDay},
    {.name = "shutdown_grace",
     .type = Duration,
     .reload = Live,
     .help = "Time for requests under way to finish after SIGTERM.",
     .slot = at<Server, &Server::shutdown_grace>,
     .maximum = kDay},
    {.name = "trusted_proxies",
     .type = TextList,
     .reload = Live,
     .help = "Address ranges whose X-Forwarded-For is believed.",
     .slot = at<Server, &Server::trusted_proxies>,
     .check = check_cidr},
};

constexpr Option kTlsOptions[] = {
    {.name = "cert",
     .type = Text,
     .help = "PEM file with the certificate chain; read again when it changes. Empty: plain HTTP.",
     .slot = at<Server, &Server::tls, &TlsSettings::cert>},
    {.name = "key",
     .type = Text,
     .help = "PEM file with the private key of the certificate.",
     .slot = at<Server, &Server::tls, &TlsSettings::key>},
    {.name = "client_ca",
     .type = Text,
     .help = "PEM file with the authorities of client certificates; set: every client needs one.",
     .slot = at<Server, &Server::tls, &TlsSettings::client_ca>},
};

constexpr Option kCorsOptions[] = {
    {.name = "allow_origins",
     .type = TextList,
     .reload = Live,
     .help = "Web origins that may call the gateway from a browser; \"*\": any.",
     .slot = at<Server, &Server::cors_allow_origins>,
     .check = check_origin},
    {.name = "allow_credentials",
     .type = Switch,
     .reload = Live,
     .help = "Whether those origins may send cookies and credentials; not together with \"*\".",
     .slot = at<Server, &Server::cors_allow_credentials>},
};

constexpr Section kServerSections[] = {
    {.name = "tls", .help = "TLS of all listeners.", .options = kTlsOptions, .enter = same},
    {.name = "cors",
     .help = "Calls from web pages of other origins.",
     .options = kCorsOptions,
     .enter = same},
};

constexpr Option kStoreOptions[] = {
    {.name = "url",
     .type = Url,
     .help = "\"sqlite:\" is headgate.db in data_dir, \"sqlite:PATH\" another file. postgres:// is "
             "not served by this version yet, which then keeps to SQLite and says so.",
     .slot = at<S, &S::store_url>,
     .check = check_store_url},
};

constexpr Option kSharedOptions[] = {
    {.name = "url",
     .type = Url,
     .use = Use::Later,
     .help = "redis://... shares limits and cache between gateways.",
     .slot = at<S, &S::shared_url>,
     .check = check_shared_url},
};

constexpr Option kLogOptions[] = {
    {.name = "level",
     .type = Text,
     .reload = Live,
     .help = "The least severe lines that are written.",
     .slot = at<LogSettings, &LogSettings::level>,
     .allowed = kLogLevels},
    {.name = "format",
     .type = Text,
     .help = "auto: text on a terminal, JSON lines elsewhere.",
     .slot = at<LogSettings, &LogSettings::format>,
     .allowed = kLogFormats},
};

constexpr Option kAuthOptions[] = {
    {.name = "admin_user",
     .type = Text,
     .help = "Name of the first user.",
     .slot = at<Auth, &Auth::admin_user>,
     .check = check_name},
    {.name = "admin_password",
     .type = Type::Secret,
     .help = "Password of the first user; empty: generated at the first start.",
     .slot = at<Auth, &Auth::admin_password>,
     .other_environment = "HEADGATE_ADMIN_PASSWORD"},
    {.name = "password_grant",
     .type = Switch,
     .reload = Live,
     .help = "Whether POST /auth/token takes user name and password.",
     .slot = at<Auth, &Auth::password_grant>},
    {.name = "key_lifetime",
     .type = Duration,
     .reload = Live,
     .help = "Lifetime of new API keys that name no expiry of their own; 0s: for ever.",
     .slot = at<Auth, &Auth::key_lifetime>,
     .maximum = 36'500 * kDay},
    {.name = "ip_allow",
     .type = TextList,
     .reload = Live,
     .help = "Address ranges that may use the gateway; empty: any.",
     .slot = at<Auth, &Auth::ip_allow>,
     .check = check_cidr},
};

constexpr Option kJwtOptions[] = {
    {.name = "secret",
     .type = Type::Secret,
     .help = "Key that signs access tokens, 32 bytes or more; empty: generated in data_dir.",
     .slot = at<Auth, &Auth::jwt_secret>},
    {.name = "old_secrets",
     .type = SecretList,
     .help = "Former secrets whose tokens are still accepted.",
     .slot = at<Auth, &Auth::jwt_old_secrets>},
    {.name = "access_ttl",
     .type = Duration,
     .help = "Lifetime of an access token.",
     .slot = at<Auth, &Auth::access_ttl>,
     .minimum = kSecond,
     .maximum = kDay},
    {.name = "refresh_ttl",
     .type = Duration,
     .help = "Lifetime of a refresh token.",
     .slot = at<Auth, &Auth::refresh_ttl>,
     .minimum = kMinute,
     .maximum = 366 * kDay},
    {.name = "issuer",
     .type = Text,
     .help = "The iss claim that is written and required.",
     .slot = at<Auth, &Auth::issuer>,
     .check = check_not_empty},
};

constexpr Option kKeyOptions[] = {
    {.name = "name",
     .type = Text,
     .reload = Live,
     .help = "What logs call the key.",
     .slot = at<StaticKey, &StaticKey::name>,
     .check = check_name},
    {.name = "key",
     .type = Type::Secret,
     .reload = Live,
     .help = "The key, 12 characters or more.",
     .slot = at<StaticKey, &StaticKey::key>},
    {.name = "scopes",
     .type = Scopes,
     .reload = Live,
     .help = "What it may do; \"inference:*\" stands for all scopes that begin so.",
     .slot = at<StaticKey, &StaticKey::scopes>},
    {.name = "tier",
     .type = Text,
     .reload = Live,
     .help = "Its tier of limits.",
     .slot = at<StaticKey, &StaticKey::tier>},
};

constexpr Section kAuthSections[] = {
    {.name = "jwt", .help = "Access and refresh tokens.", .options = kJwtOptions, .enter = same},
    {.name = "keys",
     .help = "Static API keys, beside those in the store.",
     .shape = Shape::Listed,
     .options = kKeyOptions,
     .add = NumberedVector<Auth, &Auth::keys>::add,
     .entries = NumberedVector<Auth, &Auth::keys>::entries},
};

constexpr double kMostRequests = 1e12;
constexpr double kMostTokens = 1e9;
constexpr double kMostUsd = 1e9;

constexpr Option kTierOptions[] = {
    {.name = "per_minute",
     .type = Count,
     .reload = Live,
     .help = "Requests in a minute; 0: no such limit.",
     .slot = at<Tier, &Tier::per_minute>,
     .maximum = kMostRequests},
    {.name = "per_hour",
     .type = Count,
     .reload = Live,
     .help = "Requests in an hour; 0: no such limit.",
     .slot = at<Tier, &Tier::per_hour>,
     .maximum = kMostRequests},
    {.name = "per_window",
     .type = Count,
     .reload = Live,
     .help = "Requests in each `window`; 0: no such limit.",
     .slot = at<Tier, &Tier::per_window>,
     .maximum = kMostRequests},
    {.name = "window",
     .type = Duration,
     .reload = Live,
     .help = "The period that per_window counts.",
     .slot = at<Tier, &Tier::window>,
     .maximum = 366 * kDay},
    {.name = "concurrent",
     .type = Count,
     .reload = Live,
     .help = "Requests at once; 0: no such limit.",
     .slot = at<Tier, &Tier::concurrent>,
     .maximum = kMostRequests},
    {.name = "burst",
     .type = Count,
     .reload = Live,
     .help = "Requests that may come at once; 0: those of a whole minute or window.",
     .slot = at<Tier, &Tier::burst>,
     .maximum = kMostRequests},
    {.name = "tokens_per_minute",
     .type = Count,
     .reload = Live,
     .help = "Tokens a minute, in and out; an estimate is taken when a request is let in and put "
             "right by its real usage. 0: no such limit.",
     .slot = at<Tier, &Tier::tokens_per_minute>,
     .maximum = kMostTokens},
    {.name = "budget_day",
     .type = Number,
     .reload = Live,
     .help = "USD that each key or user of the tier may spend in a day (UTC), by the prices of the "
             "models; then 402. A key's own budget replaces it. 0: no such limit.",
     .slot = at<Tier, &Tier::budget_day>,
     .maximum = kMostUsd},
    {.name = "budget_month",
     .type = Number,
     .reload = Live,
     .help = "As budget_day, in a calendar month.",
     .slot = at<Tier, &Tier::budget_month>,
     .maximum = kMostUsd},
};

using Requests = RequestSettings;

constexpr Option kClientOptions[] = {
    {.name = "per_minute",
     .type = Count,
     .reload = Live,
     .help = "Requests of one client in a minute; 0: no such limit.",
     .slot = at<Tier, &Tier::client, &Requests::per_minute>,
     .maximum = kMostRequests},
    {.name = "per_hour",
     .type = Count,
     .reload = Live,
     .help = "Requests of one client in an hour; 0: no such limit.",
     .slot = at<Tier, &Tier::client, &Requests::per_hour>,
     .maximum = kMostRequests},
    {.name = "burst",
     .type = Count,
     .reload = Live,
     .help = "Requests of one client that may come at once; 0: those of a whole minute.",
     .slot = at<Tier, &Tier::client, &Requests::burst>,
     .maximum = kMostRequests},
    {.name = "concurrent",
     .type = Count,
     .reload = Live,
     .help = "Requests of one client at once; 0: no such limit.",
     .slot = at<Tier, &Tier::client, &Requests::concurrent>,
     .maximum = kMostRequests},
};

constexpr Section kTierSections[] = {
    {.name = "client",
     .help = "Limits of each X-Client-ID of a key or user, inside its own limits; requests without "
             "one are one client.",
     .options = kClientOptions,
     .enter = same},
};

using Overload = OverloadSettings;

constexpr Option kOverloadOptions[] = {
    {.name = "low_lag",
     .type = Duration,
     .reload = Live,
     .help = "Delay of an event loop, in three measurements in a row, from which requests of low "
             "priority are refused with 503; 0s: never.",
     .slot = at<Overload, &Overload::low_lag>,
     .maximum = kHour},
    {.name = "normal_lag",
     .type = Duration,
     .reload = Live,
     .help = "As low_lag, for normal priority as well.",
     .slot = at<Overload, &Overload::normal_lag>,
     .maximum = kHour},
    {.name = "low_memory",
     .type = Number,
     .reload = Live,
     .help = "Share of `memory` that the gateway's process may use before requests of low priority "
             "are refused with 503; 0: any.",
     .slot = at<Overload, &Overload::low_memory>,
     .maximum = 1},
    {.name = "normal_memory",
     .type = Number,
     .reload = Live,
     .help = "As low_memory, for normal priority as well.",
     .slot = at<Overload, &Overload::normal_memory>,
     .maximum = 1},
    {.name = "memory",
     .type = Size,
     .reload = Live,
     .help = "What those are shares of; 0: the limit of the control group, or else the machine's "
             "memory.",
     .slot = at<Overload, &Overload::memory>},
    {.name = "hold",
     .type = Duration,
     .reload = Live,
     .help = "How long it must be calm before a class is let in again.",
     .slot = at<Overload, &Overload::hold>,
     .maximum = kHour},
};

constexpr Section kLimitSections[] = {
    {.name = "tiers",
     .help = "Named sets of limits; a tier written here replaces the built-in one of its name.",
     .shape = Shape::Named,
     .options = kTierOptions,
     .sections = kTierSections,
     .add = NamedMap<S, &S::tiers>::add,
     .entries = NamedMap<S, &S::tiers>::entries},
    {.name = "overload",
     .help =
         "Requests that are refused while the gateway itself is overloaded: low priority first, "
         "then normal, never high.",
     .options = kOverloadOptions,
     .enter = within<S, &S::overload>},
};

using Documents = DocumentSettings;

constexpr Option kDocumentOptions[] = {
    {.name = "languages",
     .type = TextList,
     .help = "Tesseract languages, in order of preference.",
     .slot = at<Documents, &Documents::languages>,
     .check = check_language},
    {.name = "resolution",
     .type = Text,
     .help = "How finely pages are read where a request does not say.",
     .slot = at<Documents, &Documents::resolution>,
     .allowed = kResolutions},
    {.name = "max_file_size",
     .type = Size,
     .help = "Largest file of a document; above it 413.",
     .slot = at<Documents, &Documents::max_file_size>,
     .minimum = kKiB,
     .maximum = 4 * kGiB},
    {.name = "max_pages",
     .type = Count,
     .help = "Most pages of one document; above it 413.",
     .slot = at<Documents, &Documents::max_pages>,
     .minimum = 1,
     .maximum = 10'000},
    {.name = "max_pixels",
     .type = Count,
     .help = "Most pixels of one page; above it 413.",
     .slot = at<Documents, &Documents::max_pixels>,
     .minimum = 1'000,
     .maximum = 1'000'000'000},
    {.name = "page_timeout",
     .type = Duration,
     .help = "Time to read one page.",
     .slot = at<Documents, &Documents::page_timeout>,
     .minimum = 100,
     .maximum = kHour},
};

using Fetch = FetchSettings;

constexpr Option kFetchOptions[] = {
    {.name = "enabled",
     .type = Switch,
     .help = "Whether the gateway fetches URLs that requests name.",
     .slot = at<Fetch, &Fetch::enabled>},
    {.name = "allowed_hosts",
     .type = TextList,
     .help = "The only hosts it fetches from; empty: any public host.",
     .slot = at<Fetch, &Fetch::allowed_hosts>,
     .check = check_host},
    {.name = "allow_http_hosts",
     .type = TextList,
     .help = "Hosts it also fetches from without TLS.",
     .slot = at<Fetch, &Fetch::allow_http_hosts>,
     .check = check_host},
    {.name = "allow_private_hosts",
     .type = TextList,
     .help = "Hosts that may have a private or loopback address.",
     .slot = at<Fetch, &Fetch::allow_private_hosts>,
     .check = check_host},
    {.name = "timeout",
     .type = Duration,
     .help = "Time for one fetch, redirects included.",
     .slot = at<Fetch, &Fetch::timeout>,
     .minimum = 100,
     .maximum = kHour},
    {.name = "max_redirects",
     .type = Count,
     .help = "Redirects followed, each checked like the first URL.",
     .slot = at<Fetch, &Fetch::max_redirects>,
     .maximum = 20},
};

using Webhooks = WebhookSettings;

constexpr Option kWebhookOptions[] = {
    {.name = "secret",
     .type = Type::Secret,
     .help = "Key that signs deliveries: whsec_ and the base64 of 24 to 64 bytes; empty: generated "
             "in data_dir.",
     .slot = at<Webhooks, &Webhooks::secret>},
    {.name = "old_secrets",
     .type = SecretList,
     .help = "Former secrets, with which deliveries are signed as well until receivers know the "
             "new one.",
     .slot = at<Webhooks, &Webhooks::old_secrets>},
    {.name = "max_attempts",
     .type = Count,
     .help = "Attempts at one delivery: at once, then after 5 s, 5 min, 30 min, 2 h, 5 h and "
             "every 10 h.",
     .slot = at<Webhooks, &Webhooks::max_attempts>,
     .minimum = 1,
     .maximum = 50},
    {.name = "timeout",
     .type = Duration,
     .help = "Time for a receiver to take and answer one delivery.",
     .slot = at<Webhooks, &Webhooks::timeout>,
     .minimum = 100,
     .maximum = 5 * kMinute},
};

constexpr Option kRouteOptions[] = {
    {.name = "max_body_size",
     .type = Size,
     .help = "Largest request body of this route; 0: the route's usual limit, which is "
             "server.max_body_size for all that take files or go to models.",
     .slot = at<RouteSettings, &RouteSettings::max_body_size>,
     .maximum = 4 * kGiB},
    {.name = "per_minute",
     .type = Count,
     .reload = Live,
     .help = "Requests of each key or user to this route in a minute, beside the limits of its "
             "tier; 0: no such limit.",
     .slot = at<RouteSettings, &RouteSettings::requests, &Requests::per_minute>,
     .maximum = kMostRequests},
    {.name = "per_hour",
     .type = Count,
     .reload = Live,
     .help = "As per_minute, in an hour.",
     .slot = at<RouteSettings, &RouteSettings::requests, &Requests::per_hour>,
     .maximum = kMostRequests},
    {.name = "burst",
     .type = Count,
     .reload = Live,
     .help = "Those of them that may come at once; 0: those of a whole minute.",
     .slot = at<RouteSettings, &RouteSettings::requests, &Requests::burst>,
     .maximum = kMostRequests},
    {.name = "concurrent",
     .type = Count,
     .reload = Live,
     .help = "Requests of each key or user to this route at once; 0: no such limit.",
     .slot = at<RouteSettings, &RouteSettings::requests, &Requests::concurrent>,
     .maximum = kMostRequests},
};

using Cache = CacheSettings;

constexpr Option kCacheOptions[] = {
    {.name = "max_memory",
     .type = Size,
     .reload = Live,
     .help = "Memory of all kept answers; what was not used for longest makes room. 0: none are "
             "kept.",
     .slot = at<Cache, &Cache::max_memory>},
    {.name = "max_answer",
     .type = Size,
     .reload = Live,
     .help = "The largest answer that is kept.",
     .slot = at<Cache, &Cache::max_answer>,
     .maximum = 64 << 20},
    {.name = "response_items",
     .type = Size,
     .reload = Live,
     .help = "Memory of what was said over /v1/responses in the last hour, which later requests of "
             "the same key or user may name by id (item_reference). 0: they cannot.",
     .slot = at<Cache, &Cache::response_items>},
    {.name = "classify_ttl",
     .type = Duration,
     .reload = Live,
     .help = "How long it is kept what a document was classified as, by the content of its files; "
             "a model's own cache.ttl goes before it. 0s: not at all.",
     .slot = at<Cache, &Cache::classify_ttl>,
     .maximum = 366 * kDay},
};

using AutoSwitch = AutoSwitchSettings;

constexpr Option kAutoSwitchOptions[] = {
    {.name = "enabled",
     .type = Switch,
     .use = Use::Later,
     .help = "Start and stop model servers by the times they were used before.",
     .slot = at<AutoSwitch, &AutoSwitch::enabled>},
    {.name = "pattern_window",
     .type = Duration,
     .use = Use::Later,
     .help = "How far back use is looked at.",
     .slot = at<AutoSwitch, &AutoSwitch::pattern_window>,
     .minimum = kHour,
     .maximum = 366 * kDay},
    {.name = "min_requests",
     .type = Count,
     .use = Use::Later,
     .help = "Requests in that time that make a pattern.",
     .slot = at<AutoSwitch, &AutoSwitch::min_requests>,
     .minimum = 1,
     .maximum = 1e9},
};

using Telemetry = TelemetrySettings;

constexpr Option kTelemetryOptions[] = {
    {.name = "otlp_endpoint",
     .type = Text,
     .use = Use::Later,
     .help = "OTLP/HTTP collector that traces go to; empty: none.",
     .slot = at<Telemetry, &Telemetry::otlp_endpoint>,
     .check = check_base_url},
    {.name = "sample",
     .type = Number,
     .use = Use::Later,
     .help = "Share of requests that are traced.",
     .slot = at<Telemetry, &Telemetry::sample>,
     .maximum = 1},
    {.name = "capture_content",
     .type = Switch,
     .use = Use::Later,
     .help = "Whether traces hold prompts and answers.",
     .slot = at<Telemetry, &Telemetry::capture_content>},
};

void* add_model(void* owner, const std::string& name) {
  Settings& settings = *static_cast<Settings*>(owner);
  ModelSettings& model = settings.models.emplace_back();
  model.name = name;
  model.queue = settings.queue;  // the section `queue` stands before `models` in the table
  return &model;
}

// The parts that come from another file are functions, so the root is filled at first use.
const Section* make_root() {
  static const Section sections[] = {
      {.name = "server",
       .help = "The listener and its limits.",
       .options = kServerOptions,
       .sections = kServerSections,
       .enter = within<S, &S::server>},
      {.name = "store",
       .help = "Where keys, users and jobs are kept.",
       .options = kStoreOptions,
       .enter = same},
      {.name = "shared",
       .help = "What several gateways have in common.",
       .options = kSharedOptions,
       .enter = same},
      {.name = "log", .help = "The log.", .options = kLogOptions, .enter = within<S, &S::log>},
      {.name = "auth",
       .help = "Who may use the gateway.",
       .options = kAuthOptions,
       .sections = kAuthSections,
       .enter = within<S, &S::auth>},
      {.name = "limits",
       .help = "How much each tier may use, and the gateway's own limits.",
       .sections = kLimitSections,
       .enter = same},
      {.name = "queue",
       .help = "The line of every model; a model's own `queue` goes before it.",
       .options = queue_options(),
       .sections = queue_sections(),
       .enter = within<S, &S::queue>},
      {.name = "providers",
       .help = "Accounts and clusters, each speaking one protocol.",
       .shape = Shape::Named,
       .options = provider_options(),
       .add = NamedVector<S, &S::providers>::add,
       .entries = NamedVector<S, &S::providers>::entries},
      {.name = "models",
       .help = "Public model names and what serves them.",
       .shape = Shape::Named,
       .options = model_options(),
       .sections = model_sections(),
       .add = add_model,
       .entries = NamedVector<S, &S::models>::entries},
      {.name = "cache",
       .help = "Answers that are kept in memory, for the models with a cache and for "
               "classifications; a reload empties it.",
       .options = kCacheOptions,
       .enter = within<S, &S::cache>},
      {.name = "documents",
       .help = "The embedded document engine.",
       .options = kDocumentOptions,
       .enter = within<S, &S::documents>},
      {.name = "fetch",
       .help = "Files that requests name by URL.",
       .options = kFetchOptions,
       .enter = within<S, &S::fetch>},
      {.name = "webhooks",
       .help = "Calls that tell of ended jobs, by Standard Webhooks. The section fetch says which "
               "URLs they may go to.",
       .options = kWebhookOptions,
       .enter = within<S, &S::webhooks>},
      {.name = "routes",
       .help = "Limits of single routes, by pattern, e.g. \"/v1/ocr\".",
       .shape = Shape::Named,
       .options = kRouteOptions,
       .add = NamedVector<S, &S::routes>::add,
       .entries = NamedVector<S, &S::routes>::entries},
      {.name = "auto_switch",
       .help = "Model servers that come and go by themselves.",
       .options = kAutoSwitchOptions,
       .enter = within<S, &S::auto_switch>},
      {.name = "telemetry",
       .help = "Traces.",
       .options = kTelemetryOptions,
       .enter = within<S, &S::telemetry>},
  };
  static const Section root{
      .name = "", .help = "", .options = kRootOptions, .sections = sections, .enter = same};
  return &root;
}

}  // namespace

const Section& root_section() {
  static const Section* const root = make_root();
  return *root;
}

}  // namespace headgate::config
