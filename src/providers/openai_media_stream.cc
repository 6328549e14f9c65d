#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "providers/openai_error.h"
#include "providers/openai_stream.h"
#include "providers/sse_splitter.h"

namespace headgate::providers {
namespace {

using simdjson::SUCCESS;

/// An event holds a whole image in base64.
constexpr std::size_t kMaxEvent = 64U << 20U;
constexpr std::string_view kDone = "[DONE]";

/// OpenAI ends such a stream with an event of its own; vLLM's transcripts are chunks as those of
/// chats, and end with [DONE].
class OpenAiMediaStream final : public StreamRelay {
 public:
  Result<std::string_view> feed(std::string_view bytes) override {
    if (pending_) {
      return fail(*pending_);
    }
    out_.clear();
    auto added = splitter_.feed(bytes);
    if (!added) {
      return fail(added.error());
    }
    while (auto event = splitter_.next()) {
      if (auto taken = take(*event); !taken) {
        // What came before the error still goes out; the error follows on every later call.
        pending_ = taken.error();
        break;
      }
    }
    if (pending_ && out_.empty()) {
      return fail(*pending_);
    }
    return out_;
  }

  Result<std::string_view> finish() override {
    if (pending_) {
      return fail(*pending_);
    }
    if (whole_) {
      return std::string_view();
    }
    return fail(upstream_failed("The model server ended its answer before it was complete.",
                                "stream ended without its last event"));
  }

  Usage usage() const override { return usage_; }

 private:
  Result<void> take(const SseEvent& event) {
    if (event.data.empty()) {
      return {};  // comments keep lines open; ours do that job towards the client
    }
    if (event.data.starts_with(kDone)) {
      whole_ = true;
      out_.append(event.text);
      return {};
    }
    simdjson::dom::element root;
    if (parser_.parse(event.data.data(), event.data.size()).get(root) != SUCCESS ||
        !root.is_object()) {
      return {};  // a malformed event is skipped; the end decides whether the answer is whole
    }
    std::string_view type;
    static_cast<void>(root["type"].get(type));
    simdjson::dom::element error;
    const bool has_error = root["error"].get(error) == SUCCESS && !error.is_null();
    if (has_error || type == "error") {
      return fail(decode_openai_error_event(event.data));
    }
    if (simdjson::dom::element usage; root["usage"].get(usage) == SUCCESS && usage.is_object()) {
      read_usage(usage);
    }
    // Of several images each has its own last event.
    whole_ = whole_ || type.ends_with(".completed") || type.ends_with(".done");
    if (!trail_.has_tokens()) {
      // That there is something is all that counts: it cannot be gone on with.
      trail_.note(0, model::ChatEvent::Type::Text, "-");
    }
    out_.append(event.text);
    return {};
  }

  void read_usage(simdjson::dom::element usage) {
    std::int64_t tokens = 0;
    for (const std::string_view name : {"input_tokens", "prompt_tokens"}) {
      if (usage[name].get(tokens) == SUCCESS) {
        usage_.input_tokens = tokens;
      }
    }
    for (const std::string_view name : {"output_tokens", "completion_tokens"}) {
      if (usage[name].get(tokens) == SUCCESS) {
        usage_.output_tokens = tokens;
      }
    }
    double seconds = 0;
    if (usage["seconds"].get(seconds) == SUCCESS && seconds >= 0 && seconds < kMostSeconds) {
      usage_.audio_ms = static_cast<std::int64_t>(seconds * 1000);
    }
  }

  static constexpr double kMostSeconds = 1e9;

  SseSplitter splitter_{kMaxEvent};
  simdjson::dom::parser parser_;
  std::string out_;
  Usage usage_;
  std::optional<Error> pending_;
  bool whole_ = false;
};

}  // namespace

std::unique_ptr<StreamRelay> make_openai_media_stream() {
  return std::make_unique<OpenAiMediaStream>();
}

}  // namespace headgate::providers
