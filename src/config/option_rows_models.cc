// The rows of the option table for providers, models and their queues.

#include <array>
#include <iterator>
#include <vector>

#include "config/option_slots.h"
#include "config/text_checks.h"

namespace headgate::config {
namespace {

using enum Reload;
using enum Type;

constexpr std::array<std::string_view, 2> kJitters = {"full", "none"};
constexpr std::array<std::string_view, 6> kProtocols = {"openai", "anthropic",    "gemini",
                                                        "runpod", "runpod_queue", "embedded"};
constexpr std::array<std::string_view, 2> kCacheRequests = {"repeatable", "all"};
constexpr std::array<std::string_view, 10> kStrategies = {
    "ordered", "round_robin", "weighted", "least_loaded", "latency",
    "cost",    "quality",     "speed",    "sticky",       "prefix"};

using Queue = QueueSettings;
using JobRetry = JobRetrySettings;
using Reserve = ReserveSettings;
using Provider = ProviderSettings;
using Model = ModelSettings;
using Timeouts = TimeoutSettings;
using ModelServer = ModelServerSettings;

constexpr Option kQueueOptions[] = {
    {.name = "max_concurrent",
     .type = Count,
     .reload = Live,
     .help = "Requests of one model that run at once.",
     .slot = at<Queue, &Queue::max_concurrent>,
     .minimum = 1,
     .maximum = 1'000'000},
    {.name = "max_waiting",
     .type = Count,
     .reload = Live,
     .help = "Callers that wait in line for one model; further ones get 503.",
     .slot = at<Queue, &Queue::max_waiting>,
     .maximum = 1'000'000},
    {.name = "max_backlog",
     .type = Count,
     .reload = Live,
     .help = "Durable jobs of one model that wait on disk.",
     .slot = at<Queue, &Queue::max_backlog>,
     .maximum = 1e9},
    {.name = "timeout",
     .type = Duration,
     .reload = Live,
     .help = "Time from running to done; then the job has failed.",
     .slot = at<Queue, &Queue::timeout>,
     .minimum = kSecond,
     .maximum = 30 * kDay},
    {.name = "wait_timeout",
     .type = Duration,
     .reload = Live,
     .help = "How long a caller waits in line.",
     .slot = at<Queue, &Queue::wait_timeout>,
     .maximum = kDay},
    {.name = "max_attempts",
     .type = Count,
     .reload = Live,
     .help = "Attempts at one job: the first and its retries.",
     .slot = at<Queue, &Queue::max_attempts>,
     .minimum = 1,
     .maximum = 100},
    {.name = "age_step",
     .type = Duration,
     .reload = Live,
     .help =
         "After each such wait an entry of the line counts one priority class better; 0: never.",
     .slot = at<Queue, &Queue::age_step>,
     .maximum = kDay},
    {.name = "retention",
     .type = Duration,
     .reload = Live,
     .help = "How long finished jobs are kept.",
     .slot = at<Queue, &Queue::retention>,
     .minimum = kMinute,
     .maximum = 3'660 * kDay},
};

constexpr Option kJobRetryOptions[] = {
    {.name = "initial",
     .type = Duration,
     .reload = Live,
     .help = "Longest wait before the second attempt.",
     .slot = at<JobRetry, &JobRetry::initial>,
     .maximum = kDay},
    {.name = "factor",
     .type = Number,
     .reload = Live,
     .help = "How much longer each further wait may be.",
     .slot = at<JobRetry, &JobRetry::factor>,
     .minimum = 1,
     .maximum = 100},
    {.name = "max",
     .type = Duration,
     .reload = Live,
     .help = "Longest wait of all.",
     .slot = at<JobRetry, &JobRetry::max>,
     .maximum = kDay},
    {.name = "jitter",
     .type = Text,
     .reload = Live,
     .help = "full: each wait is drawn between 0 and its longest.",
     .slot = at<JobRetry, &JobRetry::jitter>,
     .allowed = kJitters},
};

constexpr Option kReserveOptions[] = {
    {.name = "high",
     .type = Number,
     .reload = Live,
     .help = "Share of the slots, 0 to 1, that is kept for high priority while it waits.",
     .slot = at<Reserve, &Reserve::high>,
     .maximum = 1},
    {.name = "normal",
     .type = Number,
     .reload = Live,
     .help = "The same for normal priority.",
     .slot = at<Reserve, &Reserve::normal>,
     .maximum = 1},
    {.name = "low",
     .type = Number,
     .reload = Live,
     .help = "The same for low priority.",
     .slot = at<Reserve, &Reserve::low>,
     .maximum = 1},
    {.name = "batch",
     .type = Number,
     .reload = Live,
     .help = "The same for jobs of batches.",
     .slot = at<Reserve, &Reserve::batch>,
     .maximum = 1},
};

constexpr Section kQueueSections[] = {
    {.name = "retry",
     .help = "Waits between the attempts at a job.",
     .options = kJobRetryOptions,
     .enter = within<Queue, &Queue::retry>},
    {.name = "reserve",
     .help = "Slots that are kept for a priority class.",
     .options = kReserveOptions,
     .enter = within<Queue, &Queue::reserve>},
};

constexpr Option kProviderOptions[] = {
    {.name = "protocol",
     .type = Text,
     .reload = Live,
     .help = "The wire format.",
     .slot = at<Provider, &Provider::protocol>,
     .allowed = kProtocols},
    {.name = "base_url",
     .type = Text,
     .reload = Live,
     .help = "Where it is, e.g. http://127.0.0.1:8000/v1.",
     .slot = at<Provider, &Provider::base_url>,
     .check = check_base_url},
    {.name = "api_keys",
     .type = SecretList,
     .reload = Live,
     .help = "Its credentials; empty: none are sent.",
     .slot = at<Provider, &Provider::api_keys>},
    {.name = "any_model",
     .type = Switch,
     .reload = Live,
     .help = "Send model names that are not configured here, as they are.",
     .slot = at<Provider, &Provider::any_model>},
    {.name = "requests_per_minute",
     .type = Count,
     .reload = Live,
     .help = "The vendor's limit for each key; 0: none. From 80 % of it on, other providers are "
             "preferred; beyond it, none is called.",
     .slot = at<Provider, &Provider::requests_per_minute>,
     .maximum = 1e9},
    {.name = "timeout",
     .type = Duration,
     .reload = Live,
     .use = Use::Later,
     .help = "Time of one attempt; 0s: the model's own limits only.",
     .slot = at<Provider, &Provider::timeout>,
     .maximum = kDay},
    {.name = "workers",
     .type = AutoCount,
     .help = "Worker processes of the embedded engine; auto: one per core.",
     .slot = at<Provider, &Provider::workers>,
     .maximum = 1024},
};

constexpr Option kModelOptions[] = {
    {.name = "aliases",
     .type = TextList,
     .reload = Live,
     .help = "Other names of the model.",
     .slot = at<Model, &Model::aliases>,
     .check = check_name},
    {.name = "kind",
     .type = Text,
     .reload = Live,
     .help = "What it does.",
     .slot = at<Model, &Model::kind>,
     .allowed = kModelKinds},
    {.name = "strategy",
     .type = Text,
     .reload = Live,
     .help = "Order in which the targets are tried.",
     .slot = at<Model, &Model::strategy>,
     .allowed = kStrategies},
    {.name = "fallback_models",
     .type = TextList,
     .reload = Live,
     .help = "Models that are asked in turn when no target of this one answers.",
     .slot = at<Model, &Model::fallback_models>,
     .check = check_name},
    {.name = "min_confidence",
     .type = Number,
     .reload = Live,
     .help =
         "Of classify and extract: an answer less sure than this, 0 to 1, makes the next target "
         "be asked too; 0: never.",
     .slot = at<Model, &Model::min_confidence>,
     .maximum = 1},
};

constexpr Option kTimeoutOptions[] = {
    {.name = "connect",
     .type = Duration,
     .reload = Live,
     .help = "Time to connect to a target.",
     .slot = at<Timeouts, &Timeouts::connect>,
     .minimum = 1,
     .maximum = kHour},
    {.name = "first_byte",
     .type = Duration,
     .reload = Live,
     .help = "Time from sending a request to the answer's first byte.",
     .slot = at<Timeouts, &Timeouts::first_byte>,
     .minimum = 1,
     .maximum = kDay},
    {.name = "first_token",
     .type = Duration,
     .reload = Live,
     .help = "Time to the first event of a stream.",
     .slot = at<Timeouts, &Timeouts::first_token>,
     .minimum = 1,
     .maximum = kDay},
    {.name = "idle",
     .type = Duration,
     .reload = Live,
     .help = "Silence allowed inside an answer.",
     .slot = at<Timeouts, &Timeouts::idle>,
     .minimum = 1,
     .maximum = kDay},
    {.name = "total",
     .type = Duration,
     .reload = Live,
     .help = "Time for a request and all its attempts.",
     .slot = at<Timeouts, &Timeouts::total>,
     .minimum = 1,
     .maximum = 30 * kDay},
};

constexpr Option kCacheOptions[] = {
    {.name = "ttl",
     .type = Duration,
     .reload = Live,
     .help = "How long answers are kept and given again to the same question of the same key or "
             "user; 0s: not at all.",
     .slot = at<Model, &Model::cache_ttl>,
     .maximum = 366 * kDay},
    {.name = "requests",
     .type = Text,
     .reload = Live,
     .help = "Whose answers are kept. repeatable: those that ask for the same answer each time (a "
             "temperature of 0, or a seed; embeddings, moderations, rankings), and those with "
             "X-Headgate-Cache: all. all: of every request.",
     .slot = at<Model, &Model::cache_requests>,
     .allowed = kCacheRequests},
};

constexpr Option kModelServerOptions[] = {
    {.name = "command",
     .type = TextList,
     .use = Use::Later,
     .help = "Program and arguments, without a shell; {port} stands for the port.",
     .slot = at<ModelServer, &ModelServer::command>},
    {.name = "port",
     .type = Count,
     .use = Use::Later,
     .help = "Its port on this machine.",
     .slot = at<ModelServer, &ModelServer::port>,
     .maximum = 65535},
    {.name = "health",
     .type = Text,
     .use = Use::Later,
     .help = "The path that answers 200 when it is ready.",
     .slot = at<ModelServer, &ModelServer::health>,
     .check = check_url_path},
    {.name = "start_timeout",
     .type = Duration,
     .use = Use::Later,
     .help = "Time to become ready.",
     .slot = at<ModelServer, &ModelServer::start_timeout>,
     .minimum = kSecond,
     .maximum = kDay},
    {.name = "idle_stop",
     .type = Duration,
     .use = Use::Later,
     .help = "Stopped after this time without requests; 0s: never.",
     .slot = at<ModelServer, &ModelServer::idle_stop>,
     .maximum = 30 * kDay},
};

constexpr Section kOtherSections[] = {
    {.name = "timeouts",
     .help = "Time limits of its requests.",
     .options = kTimeoutOptions,
     .enter = within<Model, &Model::timeouts>},
    {.name = "queue",
     .help = "Its line, where it differs from the section queue.",
     .options = kQueueOptions,
     .sections = kQueueSections,
     .enter = within<Model, &Model::queue>},
    {.name = "cache",
     .help = "Kept answers; the section cache bounds their memory.",
     .options = kCacheOptions,
     .enter = same},
    {.name = "server",
     .help = "A model server that the gateway starts itself.",
     .options = kModelServerOptions,
     .enter = within<Model, &Model::server>},
};

}  // namespace

std::span<const Option> queue_options() { return kQueueOptions; }
std::span<const Section> queue_sections() { return kQueueSections; }
std::span<const Option> provider_options() { return kProviderOptions; }
std::span<const Option> model_options() { return kModelOptions; }
std::span<const Section> model_sections() {
  static const std::vector<Section> sections = [] {
    const std::span<const Section> routing = routing_sections();
    std::vector<Section> all(routing.begin(), routing.end());
    all.insert(all.end(), std::begin(kOtherSections), std::end(kOtherSections));
    return all;
  }();
  return sections;
}

}  // namespace headgate::config
