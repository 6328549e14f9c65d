// The queue of a RunPod endpoint whose worker is worker-vllm: every request is a job, with OpenAI's
// body in it. Slower to begin than the worker's OpenAI route (runpod.cc), but a job is known by its
// id: it survives a broken connection and a restart of ours, and is cancelled for good. Source: as
// runpod.cc.
#include <chrono>
#include <memory>
#include <utility>

#include "base/encoding.h"
#include "providers/provider.h"
#include "providers/runpod_jobs.h"

namespace headgate::providers {

std::unique_ptr<Provider> make_openai();
std::unique_ptr<Provider> make_runpod();
std::unique_ptr<Provider> make_runpod_queue();

namespace {

/// How long the work may take once a worker has it, unless it is cancelled.
constexpr std::chrono::minutes kRunTime{10};

class RunPodQueue final : public Provider {
 public:
  Result<WireRequest> encode(const model::InferenceRequest& request,
                             const TargetName& target) const override {
    return by_queue(openai_->encode(request, target), target);
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
  bool passes(model::Dialect dialect, model::Kind kind) const override {
    return openai_->passes(dialect, kind);
  }
  std::unique_ptr<StreamRelay> stream_relay(const model::InferenceRequest& request) const override {
    return openai_->stream_relay(request);
  }
  Result<WireRequest> encode_chat(const model::ChatRequest& request, model::Delivery delivery,
                                  const TargetName& target) const override {
    return by_queue(openai_->encode_chat(request, delivery, target), target);
  }
  Result<model::ChatAnswer> decode_chat(std::string_view body) const override {
    return openai_->decode_chat(body);
  }
  std::unique_ptr<ChatReader> chat_reader() const override { return openai_->chat_reader(); }
  WireRequest encode_health(const TargetName& target) const override {
    return runpod_->encode_health(target);
  }
  Vitals read_health(int status, std::string_view body) const override {
    return runpod_->read_health(status, body);
  }
  const RemoteJobs* remote_jobs() const override { return &runpod_queue_jobs(); }

 private:
  static Result<WireRequest> by_queue(Result<WireRequest> wire, const TargetName& target) {
    if (!wire) {
      return wire;
    }
    std::string input =
        R"({"openai_route":)" + json_quote("/v1" + wire->path) + R"(,"openai_input":)";
    for (std::size_t i = 0; i < wire->pieces; ++i) {
      input.append(wire->body[i]);
    }
    return runpod_queue_jobs().encode_run(input.append("}"), kRunTime, target);
  }

  std::unique_ptr<Provider> openai_ = make_openai();
  std::unique_ptr<Provider> runpod_ = make_runpod();
};

}  // namespace

std::unique_ptr<Provider> make_runpod_queue() { return std::make_unique<RunPodQueue>(); }

}  // namespace headgate::providers
