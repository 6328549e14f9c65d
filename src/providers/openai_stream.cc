#include "providers/openai_stream.h"

#include <algorithm>
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

struct TextMember {
  std::string_view name;
  model::ChatEvent::Type type;
};
constexpr TextMember kTexts[] = {{"content", model::ChatEvent::Type::Text},
                                 {"refusal", model::ChatEvent::Type::Refusal},
                                 {"reasoning_content", model::ChatEvent::Type::Reasoning},
                                 {"reasoning", model::ChatEvent::Type::Reasoning}};

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
    if (done_ && has_choice_) {
      return std::string_view();
    }
    if (finished_ && trail_.all_finished()) {
      return kDoneEvent;  // the answer is whole; only the end mark was left out
    }
    return fail(upstream_failed("The model server ended its answer before it was complete.",
                                "stream ended without finish_reason and [DONE]"));
  }

  Usage usage() const override { return usage_; }
  bool ended() const override { return done_ && has_choice_ && !pending_; }

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
    note_start(root);
    if (has_choices) {
      for (simdjson::dom::element choice : choices) {
        note_choice(choice);
      }
      if (gave_up_) {
        return fail(upstream_failed("The model server gave the answer up.", "finish reason abort"));
      }
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

  void note_start(simdjson::dom::element root) {
    if (trail_.started()) {
      return;
    }
    std::string_view id;
    std::string_view name;
    if (root["id"].get(id) == simdjson::SUCCESS) {
      static_cast<void>(root["model"].get(name));
      trail_.start(id, name);
    }
  }

  void note_choice(simdjson::dom::element choice) {
    has_choice_ = true;
    using Type = model::ChatEvent::Type;
    std::string_view text;
    std::uint64_t index = 0;
    static_cast<void>(choice["index"].get(index));
    const auto number = static_cast<std::uint32_t>(std::min<std::uint64_t>(index, UINT32_MAX));
    if (choice["finish_reason"].get(text) == simdjson::SUCCESS) {
      gave_up_ = gave_up_ || text == "abort" || text == "error";
      if (gave_up_) {
        return;
      }
      finished_ = true;
      trail_.note_finish(number, model::Finish::Stop);  // whichever it was: the client has it
    }
    simdjson::dom::object delta;
    if (choice["delta"].get(delta) != simdjson::SUCCESS) {
      if (choice["text"].get(text) == simdjson::SUCCESS) {
        trail_.note(number, Type::Text, text);  // of a completion
      }
      return;
    }
    for (const auto& [name, type] : kTexts) {
      if (delta[name].get(text) == simdjson::SUCCESS && !text.empty()) {
        trail_.note(number, type, text);
        break;  // servers that write reasoning under both its names write it twice
      }
    }
    simdjson::dom::array calls;
    if (delta["tool_calls"].get(calls) == simdjson::SUCCESS) {
      for (simdjson::dom::element call : calls) {
        note_call(number, call);
      }
    }
  }

  void note_call(std::uint32_t choice, simdjson::dom::element call) {
    std::uint64_t index = 0;
    std::string_view id;
    std::string_view name;
    std::string_view arguments;
    static_cast<void>(call["index"].get(index));
    const auto number = static_cast<std::uint32_t>(std::min<std::uint64_t>(index, UINT32_MAX));
    if (call["function"]["name"].get(name) == simdjson::SUCCESS && !name.empty()) {
      static_cast<void>(call["id"].get(id));
      trail_.note_call(choice, number, id, name);
    }
    if (call["function"]["arguments"].get(arguments) == simdjson::SUCCESS) {
      trail_.note(choice, model::ChatEvent::Type::ToolArguments, arguments, number);
    }
  }

  UsageEvent usage_event_;
  SseSplitter splitter_;
  simdjson::dom::parser parser_;
  std::string out_;
  Usage usage_;
  std::optional<Error> pending_;
  bool has_choice_ = false;
  bool finished_ = false;
  bool gave_up_ = false;  ///< a server's word that a choice will not be finished
  bool done_ = false;
};

}  // namespace

std::unique_ptr<StreamRelay> make_openai_stream(UsageEvent usage) {
  return std::make_unique<OpenAiStream>(usage);
}

}  // namespace headgate::providers
