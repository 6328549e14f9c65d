// RunPod Serverless: https://api.runpod.ai/v2/{endpoint}; key as a bearer token. Source: RunPod's
// documentation and client libraries, version 2 of the job API.
//
// Chats, completions and embeddings go to worker-vllm's OpenAI route, which takes OpenAI's bodies
// and gives OpenAI's answers and streams. All other work goes through the endpoint's queue
// (runpod_jobs.cc).
#include <array>
#include <memory>
#include <utility>

#include <boost/json.hpp>

#include "providers/provider.h"
#include "providers/runpod_jobs.h"

namespace headgate::providers {

std::unique_ptr<Provider> make_openai();
std::unique_ptr<Provider> make_runpod();

namespace {

namespace json = boost::json;

constexpr std::string_view kOpenAiRoute = "/openai/v1";
constexpr std::array<std::string_view, 6> kWorkerStates = {"idle",    "initializing", "ready",
                                                           "running", "throttled",    "unhealthy"};

std::uint64_t count_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_int64() && value->get_int64() > 0
             ? static_cast<std::uint64_t>(value->get_int64())
             : 0;
}

Result<WireRequest> by_openai_route(Result<WireRequest> wire, const TargetName& target) {
  if (wire) {
    wire->path.insert(0, runpod_path(target, kOpenAiRoute));
  }
  return wire;
}

class RunPod final : public Provider {
 public:
  Result<WireRequest> encode(const model::InferenceRequest& request,
                             const TargetName& target) const override {
    return by_openai_route(openai_->encode(request, target), target);
  }
  std::string credential_fields(std::string_view api_key) const override {
    return openai_->credential_fields(api_key);
  }
  Error decode_error(int status, std::string_view retry_after,
                     std::string_view body) const override {
    return openai_->decode_error(status, retry_after, body);
  }
  Result<void> check_answer(model::Kind kind, std::string_view body) const override {
    return openai_->check_answer(kind, body);
  }
  Usage usage_of(std::string_view tail) const override { return openai_->usage_of(tail); }
  bool offers(model::Kind kind) const override {
    using enum model::Kind;
    switch (kind) {
      case Image:
      case Speech:
      case Transcription:
      case Moderation:
      case Rerank:
        return false;
      default:
        return true;
    }
  }
  bool passes(model::Dialect dialect, model::Kind kind) const override {
    return openai_->passes(dialect, kind);
  }
  std::unique_ptr<StreamRelay> stream_relay(const model::InferenceRequest& request) const override {
    return openai_->stream_relay(request);
  }
  Result<WireRequest> encode_chat(const model::ChatRequest& request, model::Delivery delivery,
                                  const TargetName& target) const override {
    return by_openai_route(openai_->encode_chat(request, delivery, target), target);
  }
  Result<model::ChatAnswer> decode_chat(std::string_view body) const override {
    return openai_->decode_chat(body);
  }
  std::unique_ptr<ChatReader> chat_reader() const override { return openai_->chat_reader(); }
  Result<WireRequest> encode_embedding(const model::EmbeddingRequest& request,
                                       const TargetName& target) const override {
    return by_openai_route(openai_->encode_embedding(request, target), target);
  }
  Result<model::EmbeddingAnswer> decode_embedding(std::string_view body) const override {
    return openai_->decode_embedding(body);
  }

  WireRequest encode_health(const TargetName& target) const override {
    WireRequest wire;
    wire.method = "GET";
    wire.path = runpod_path(target, "/health");
    wire.fields = "Accept-Encoding: identity\r\n";
    return wire;
  }
  Vitals read_health(int status, std::string_view body) const override;
  const RemoteJobs* remote_jobs() const override { return &runpod_jobs(); }

 private:
  std::unique_ptr<Provider> openai_ = make_openai();
};

Vitals RunPod::read_health(int status, std::string_view body) const {
  constexpr int kOk = 200;
  constexpr int kNothingRuns = 204;
  constexpr int kUnknownEndpoint = 404;
  if (status == kNothingRuns) {
    return {.state = Vitals::State::Idle, .workers = {{"idle", 0}, {"running", 0}}};
  }
  if (status == kUnknownEndpoint) {
    return {.state = Vitals::State::Ill, .trouble = "The provider does not know the endpoint."};
  }
  if (status != kOk) {
    return Provider::read_health(status, body);
  }
  boost::system::error_code ec;
  const json::value value = json::parse(body, ec);
  const json::value* const workers =
      !ec && value.is_object() ? value.get_object().if_contains("workers") : nullptr;
  if (workers == nullptr || !workers->is_object()) {
    return {.state = Vitals::State::Ill, .trouble = "The provider's health cannot be read."};
  }
  Vitals vitals;
  const json::object& counts = workers->get_object();
  const auto at_work = [&](std::string_view state) { return count_of(counts, state); };
  for (const std::string_view state : kWorkerStates) {
    if (counts.contains(state)) {
      vitals.workers.emplace_back(state, at_work(state));
    }
  }
  const json::value* const jobs = value.get_object().if_contains("jobs");
  const std::uint64_t waiting =
      jobs != nullptr && jobs->is_object() ? count_of(jobs->get_object(), "inQueue") : 0;
  if (at_work("idle") + at_work("ready") + at_work("running") != 0) {
    return vitals;
  }
  if (at_work("unhealthy") != 0) {
    vitals.state = Vitals::State::Ill;
    vitals.trouble = "Its workers crash.";
  } else if (at_work("initializing") != 0) {
    vitals.trouble = "A worker starts; requests wait for it.";
  } else if (at_work("throttled") != 0) {
    vitals.trouble = "Its workers wait for a GPU.";
  } else if (waiting != 0) {
    vitals.trouble = "Jobs wait and no worker runs.";
  } else {
    vitals.state = Vitals::State::Idle;
  }
  return vitals;
}

}  // namespace

std::unique_ptr<Provider> make_runpod() { return std::make_unique<RunPod>(); }

}  // namespace headgate::providers
