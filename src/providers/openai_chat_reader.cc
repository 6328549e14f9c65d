// Events of a streamed chat completion. What servers do differently: tool calls without `index` or
// with 0 for each, `id` and `name` repeated or late, "stop" behind calls, no [DONE].
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "providers/openai_chat.h"
#include "providers/openai_error.h"
#include "providers/sse_splitter.h"

namespace headgate::providers {
namespace {

using model::ChatEvent;
using Events = std::vector<ChatEvent>;

constexpr std::int64_t kMaxChoices = 128;
constexpr std::size_t kMaxCalls = 256;
constexpr std::size_t kMaxPending = 1U << 20U;

ChatEvent event_of(ChatEvent::Type type, std::uint32_t choice) {
  ChatEvent event;
  event.type = type;
  event.choice = choice;
  return event;
}

void add_text(Events& events, ChatEvent::Type type, std::uint32_t choice, const JsonView& value) {
  std::string text = value.text().value_or("");
  if (!text.empty()) {
    ChatEvent event = event_of(type, choice);
    event.text = std::move(text);
    events.push_back(std::move(event));
  }
}

/// A tool call as the fragments tell it.
struct Call {
  std::optional<std::int64_t> wire_index;
  std::string id;
  std::string pending;                  ///< arguments that came before the name
  std::optional<std::uint32_t> number;  ///< set when its beginning is told
};

/// One of the answers of a stream.
class ChoiceState final {
 public:
  ChoiceState(std::uint32_t index, std::string answer_id)
      : index_(index), answer_id_(std::move(answer_id)) {}

  Result<void> take_calls(const JsonView& fragments, Events& events) {
    for (const JsonView& fragment : fragments.items()) {
      if (!fragment.is_object()) {
        continue;
      }
      Call& call = call_of(fragment);
      const JsonView function = fragment["function"];
      if (!call.number) {
        begin(call, function["name"].text().value_or(""), events);
      }
      const JsonView arguments = function["arguments"];
      std::string text =
          arguments.is_object() ? std::string(arguments.raw()) : arguments.text().value_or("");
      if (call.number) {
        add_arguments(*call.number, std::move(text), events);
      } else {
        call.pending.append(text);
      }
      if (calls_.size() > kMaxCalls || call.pending.size() > kMaxPending) {
        return fail(upstream_failed("The model server's answer could not be understood.",
                                    "too many tool calls, or arguments without a name"));
      }
    }
    return {};
  }

  Result<void> finish(const JsonView& choice, Events& events) {
    const auto reason = read_openai_finish(choice, begun_ == 0 ? CallsSeen::No : CallsSeen::Yes);
    if (!reason) {
      return fail(upstream_failed("The model server gave the answer up.", "finish reason abort"));
    }
    add_finish(*reason, events);
    if (*reason == model::Finish::StopSequence) {
      events.back().text = choice["stop_reason"].text().value_or("");
    }
    return {};
  }

  /// The end mark came without a finish reason.
  void finish_unsaid(Events& events) {
    add_finish(begun_ == 0 ? model::Finish::Stop : model::Finish::ToolCalls, events);
  }

  bool finished() const { return finished_; }

 private:
  void add_finish(model::Finish reason, Events& events) {
    ChatEvent event = event_of(ChatEvent::Type::Finish, index_);
    event.finish = reason;
    events.push_back(std::move(event));
    finished_ = true;
  }

  /// The call that a fragment continues, or a new one.
  Call& call_of(const JsonView& fragment) {
    const auto wire_index = fragment["index"].integer();
    std::string id = fragment["id"].text().value_or("");
    for (Call& call : calls_) {
      // One index for several calls happens: then the ids differ.
      const bool same_index = wire_index && call.wire_index == wire_index;
      const bool same_id = !id.empty() && call.id == id;
      if (same_index ? id.empty() || call.id.empty() || same_id : same_id && !wire_index) {
        if (call.id.empty()) {
          call.id = std::move(id);
        }
        return call;
      }
    }
    if (!wire_index && id.empty() && !calls_.empty() &&
        (!calls_.back().number || !fragment["function"]["name"].given())) {
      return calls_.back();
    }
    calls_.push_back({.wire_index = wire_index, .id = std::move(id), .pending = {}, .number = {}});
    return calls_.back();
  }

  void begin(Call& call, std::string name, Events& events) {
    if (name.empty()) {
      return;
    }
    call.number = begun_++;
    ChatEvent event = event_of(ChatEvent::Type::ToolCall, index_);
    event.index = *call.number;
    event.name = std::move(name);
    event.id =
        call.id.empty() ? "call_" + answer_id_ + "_" + std::to_string(*call.number) : call.id;
    events.push_back(std::move(event));
    add_arguments(*call.number, std::exchange(call.pending, {}), events);
  }

  void add_arguments(std::uint32_t number, std::string text, Events& events) const {
    if (!text.empty()) {
      ChatEvent event = event_of(ChatEvent::Type::ToolArguments, index_);
      event.index = number;
      event.text = std::move(text);
      events.push_back(std::move(event));
    }
  }

  std::uint32_t index_;
  std::string answer_id_;
  std::vector<Call> calls_;
  std::uint32_t begun_ = 0;
  bool finished_ = false;
};

class OpenAiChatReader final : public ChatReader {
 public:
  Result<void> feed(std::string_view bytes, Events& events) override {
    if (failed_) {
      return fail(*failed_);  // whatever follows an error is not part of the answer
    }
    if (done_) {
      return {};
    }
    auto taken = splitter_.feed(bytes);
    while (taken && !done_) {
      const auto event = splitter_.next();
      if (!event) {
        return {};
      }
      taken = take(event->data, events);
    }
    if (!taken) {
      failed_ = taken.error();
    }
    return taken;
  }

  Result<void> finish(Events& events) override {
    if (failed_) {
      return fail(*failed_);
    }
    bool whole = !choices_.empty();
    for (auto& [index, choice] : choices_) {
      if (!choice.finished() && done_) {
        choice.finish_unsaid(events);
      }
      whole = whole && choice.finished();
    }
    if (!whole) {
      return fail(upstream_failed("The model server ended its answer before it was complete.",
                                  "stream ended without finish_reason and [DONE]"));
    }
    return {};
  }

  bool ended() const override { return done_ && !failed_; }

 private:
  Result<void> take(std::string_view data, Events& events) {
    if (data.starts_with("[DONE]")) {
      done_ = true;
      return {};
    }
    if (data.empty() || parser_.parse(data.data(), data.size()).error() != simdjson::SUCCESS) {
      return {};  // a malformed event is skipped; the end decides whether the answer is whole
    }
    const JsonView root(data);
    if (root["error"].given()) {
      return fail(decode_openai_error_event(data));
    }
    const std::vector<JsonView> choices = root["choices"].items();
    if (!started_ && !choices.empty()) {
      started_ = true;
      ChatEvent start = event_of(ChatEvent::Type::Start, 0);
      start.id = root["id"].text().value_or("");
      start.name = root["model"].text().value_or("");
      id_ = start.id;
      events.push_back(std::move(start));
    }
    for (const JsonView& choice : choices) {
      auto taken = take_choice(choice, events);
      if (!taken) {
        return taken;
      }
    }
    if (const JsonView usage = root["usage"]; started_ && usage.is_object()) {
      ChatEvent event = event_of(ChatEvent::Type::Usage, 0);
      event.usage = read_openai_usage(usage);
      events.push_back(std::move(event));
    }
    return {};
  }

  Result<void> take_choice(const JsonView& choice, Events& events) {
    const std::int64_t index = choice["index"].integer().value_or(0);
    if (!choice.is_object() || index < 0 || index >= kMaxChoices) {
      return {};
    }
    const auto number = static_cast<std::uint32_t>(index);
    ChoiceState& state = choices_.try_emplace(number, number, id_).first->second;
    if (state.finished()) {
      return {};
    }
    const JsonView delta = choice["delta"];
    const JsonView reasoning = delta["reasoning_content"];
    add_text(events, ChatEvent::Type::Reasoning, number,
             reasoning.is_string() ? reasoning : delta["reasoning"]);
    add_text(events, ChatEvent::Type::Text, number, delta["content"]);
    add_text(events, ChatEvent::Type::Refusal, number, delta["refusal"]);
    if (const JsonView logprobs = choice["logprobs"]; logprobs.is_object()) {
      ChatEvent event = event_of(ChatEvent::Type::Logprobs, number);
      event.text = logprobs.raw();
      events.push_back(std::move(event));
    }
    auto taken = state.take_calls(delta["tool_calls"], events);
    if (taken && choice["finish_reason"].is_string()) {
      taken = state.finish(choice, events);
    }
    return taken;
  }

  SseSplitter splitter_;
  simdjson::dom::parser parser_;
  std::map<std::uint32_t, ChoiceState> choices_;
  std::string id_;
  std::optional<Error> failed_;
  bool started_ = false;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<ChatReader> make_openai_chat_reader() {
  return std::make_unique<OpenAiChatReader>();
}

}  // namespace headgate::providers
