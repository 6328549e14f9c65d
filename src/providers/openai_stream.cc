#include "providers/openai_stream.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <simdjson.h>

#include "providers/openai_error.h"
#include "providers/sse_splitter.h"

namespace headgate::providers {
namespace {

constexpr std::string_view kDone = "[DONE]";
constexpr std::string_view kDoneEvent = "data: [DONE]\n\n";

/// Takes every `,"usage":null` out of an event's text.
void strip_null_usage(std::string& text) {
  constexpr std::string_view kNullUsage = ",\"usage\":null";
  const std::size_t at = text.find(kNullUsage);
  if (at != std::string::npos) {
    text.erase(at, kNullUsage.size());
  }
}

class OpenAiStream final : public StreamRelay {
 public:
  explicit OpenAiStream(UsageEvent usage) : usage_event_(usage) {}

  Result<std::string_view> feed(std::string_view bytes) override {
    if (pending_) {
      return fail(*pending_);  // whatever follows an error is not part of the answer
    }
    out_.clear();
    auto added = splitter_.feed(bytes);
    if (!added) {
      return fail(added.error());
    }
    while (auto event = splitter_.next()) {
      auto taken = take(*event);
      if (!taken) {
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
    if (done_) {
      return std::string_view();
    }
    if (finished_) {
      return kDoneEvent;  // the answer is whole; only the end mark was left out
    }
    return fail(upstream_failed("The model server ended its answer before it was complete.",
                                "stream ended without finish_reason and [DONE]"));
  }

  Usage usage() const override { return usage_; }

 private:
  Result<void> take(const SseEvent& event) {
    if (event.data.empty()) {
      // Comments and empty events keep lines open; ours do that job towards the client.
      return {};
    }
    if (done_) {
      return {};
    }
    if (event.data.starts_with(kDone)) {
      done_ = true;
      out_.append(kDoneEvent);
      return {};
    }
    simdjson::dom::element root;
    if (parser_.parse(event.data.data(), event.data.size()).get(root) != simdjson::SUCCESS ||
        !root.is_object()) {
      return {};  // a malformed event is skipped; the end decides whether the answer is whole
    }
    simdjson::dom::element error;
    if (root["error"].get(error) == simdjson::SUCCESS && !error.is_null()) {
      return fail(decode_openai_error_event(event.data));
    }
    simdjson::dom::element usage;
    const bool has_usage = root["usage"].get(usage) == simdjson::SUCCESS && usage.is_object();
    if (has_usage) {
      read_usage(usage);
    }
    simdjson::dom::array choices;
    const bool has_choices = root["choices"].get(choices) == simdjson::SUCCESS;
    if (has_choices) {
      note_finish(choices);
    }
    if (usage_event_ == UsageEvent::Shown) {
      out_.append(event.text);
      return {};
    }
    if (has_usage && has_choices && choices.size() == 0) {
      return {};
    }
    const std::size_t before = out_.size();
    out_.append(event.text);
    if (event.data.find("\"usage\"") != std::string_view::npos) {
      std::string text = out_.substr(before);
      out_.resize(before);
      strip_null_usage(text);
      out_.append(text);
    }
    return {};
  }

  void read_usage(simdjson::dom::element usage) {
    std::int64_t tokens = 0;
    if (usage["prompt_tokens"].get(tokens) == simdjson::SUCCESS) {
      usage_.input_tokens = tokens;
    }
    if (usage["completion_tokens"].get(tokens) == simdjson::SUCCESS) {
      usage_.output_tokens = tokens;
    }
    const auto input = usage["prompt_tokens_details"];
    if (input["cached_tokens"].get(tokens) == simdjson::SUCCESS) {
      usage_.cached_tokens = tokens;
    }
    if (input["cache_write_tokens"].get(tokens) == simdjson::SUCCESS) {
      usage_.cache_write_tokens = tokens;
    }
    if (usage["completion_tokens_details"]["reasoning_tokens"].get(tokens) == simdjson::SUCCESS) {
      usage_.reasoning_tokens = tokens;
    }
  }

  void note_finish(simdjson::dom::array choices) {
    for (simdjson::dom::element choice : choices) {
      std::string_view reason;
      if (choice["finish_reason"].get(reason) == simdjson::SUCCESS) {
        finished_ = true;
      }
    }
  }

  UsageEvent usage_event_;
  SseSplitter splitter_;
  simdjson::dom::parser parser_;
  std::string out_;
  Usage usage_;
  std::optional<Error> pending_;
  bool finished_ = false;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<StreamRelay> make_openai_stream(UsageEvent usage) {
  return std::make_unique<OpenAiStream>(usage);
}

}  // namespace headgate::providers
