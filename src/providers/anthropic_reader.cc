// Events of a streamed message: message_start, blocks one behind the other (start, deltas, stop),
// message_delta, message_stop; pings anywhere.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <simdjson.h>

#include "providers/anthropic_wire.h"
#include "providers/sse_splitter.h"

namespace headgate::providers {
namespace {

using model::ChatEvent;
using Events = std::vector<ChatEvent>;

constexpr std::size_t kMaxSignature = 1U << 20U;

ChatEvent event_of(ChatEvent::Type type, std::string text = {}) {
  ChatEvent event;
  event.type = type;
  event.text = std::move(text);
  return event;
}

void add_text(Events& events, ChatEvent::Type type, const JsonView& value) {
  std::string text = value.text().value_or("");
  if (!text.empty()) {
    events.push_back(event_of(type, std::move(text)));
  }
}

Failure unsound(std::string detail) {
  return fail(
      upstream_failed("The model server's answer could not be understood.", std::move(detail)));
}

class AnthropicReader final : public ChatReader {
 public:
  Result<void> feed(std::string_view bytes, Events& events) override {
    if (pending_) {
      return fail(*pending_);  // whatever follows an error is not part of the answer
    }
    auto added = splitter_.feed(bytes);
    while (added && !pending_) {
      const auto event = splitter_.next();
      if (!event) {
        return {};
      }
      added = take(event->data, events);
    }
    pending_ = added.error();
    return added;
  }

  Result<void> finish(Events& events) override {
    if (pending_) {
      return fail(*pending_);
    }
    if (!has_reason_) {
      return fail(upstream_failed("The model server ended its answer before it was complete.",
                                  "stream ended without stop_reason"));
    }
    end_block(events);
    return {};
  }

  bool ended() const override { return stopped_ && !pending_; }

 private:
  enum class BlockType : std::uint8_t { None, Text, Thinking, ToolUse, Other };

  Result<void> take(std::string_view text, Events& events) {
    if (text.empty() || stopped_ ||
        parser_.parse(text.data(), text.size()).error() != simdjson::SUCCESS) {
      return {};  // a malformed event is skipped; the end decides whether the answer is whole
    }
    const JsonView data(text);
    const std::string type = data["type"].text().value_or("");
    if (type == "content_block_delta") {
      return take_delta(data, events);
    }
    if (type == "content_block_start") {
      begin_block(data["content_block"], events);
    } else if (type == "content_block_stop") {
      end_block(events);
    } else if (type == "message_start") {
      begin(data["message"], events);
    } else if (type == "message_delta") {
      take_end(data, events);
    } else if (type == "message_stop") {
      stopped_ = true;
    } else if (type == "error") {
      return fail(decode_anthropic_error_event(text));
    }
    return {};
  }

  void begin(const JsonView& message, Events& events) {
    ChatEvent start = event_of(ChatEvent::Type::Start);
    start.id = message["id"].text().value_or("");
    start.name = message["model"].text().value_or("");
    events.push_back(std::move(start));
    usage_.take_input(message["usage"]);
    tell_usage(events);
  }

  void begin_block(const JsonView& block, Events& events) {
    end_block(events);
    const std::string type = block["type"].text().value_or("");
    if (type == "text") {
      block_ = BlockType::Text;
      add_text(events, ChatEvent::Type::Text, block["text"]);
    } else if (type == "thinking") {
      block_ = BlockType::Thinking;
      add_text(events, ChatEvent::Type::Reasoning, block["thinking"]);
      signature_ = block["signature"].text().value_or("");
    } else if (type == "redacted_thinking") {
      block_ = BlockType::Other;
      ChatEvent event = event_of(ChatEvent::Type::Reasoning);
      event.signature = block["data"].text().value_or("");
      event.redacted = true;
      events.push_back(std::move(event));
    } else if (type == "tool_use") {
      block_ = BlockType::ToolUse;
      has_arguments_ = false;
      input_ = block["input"].raw();
      ChatEvent event = event_of(ChatEvent::Type::ToolCall);
      event.index = calls_++;
      event.id = block["id"].text().value_or("");
      event.name = block["name"].text().value_or("");
      events.push_back(std::move(event));
    } else {
      block_ = BlockType::Other;  // of tools that run at the vendor, which are never asked for
    }
  }

  Result<void> take_delta(const JsonView& data, Events& events) {
    const JsonView delta = data["delta"];
    const std::string type = delta["type"].text().value_or("");
    if (type == "text_delta") {
      add_text(events, ChatEvent::Type::Text, delta["text"]);
    } else if (type == "thinking_delta") {
      add_text(events, ChatEvent::Type::Reasoning, delta["thinking"]);
    } else if (type == "signature_delta") {
      signature_.append(delta["signature"].text().value_or(""));
      if (signature_.size() > kMaxSignature) {
        return unsound("a signature that is too large");
      }
    } else if (type == "input_json_delta" && block_ != BlockType::Other) {
      std::string json = delta["partial_json"].text().value_or("");
      if (json.empty()) {
        return {};
      }
      if (block_ != BlockType::ToolUse) {
        return unsound("arguments of a call that was not begun");
      }
      has_arguments_ = true;
      ChatEvent event = event_of(ChatEvent::Type::ToolArguments, std::move(json));
      event.index = calls_ - 1;
      events.push_back(std::move(event));
    }
    return {};
  }

  void end_block(Events& events) {
    if (block_ == BlockType::ToolUse && !has_arguments_) {
      // A call without arguments has no deltas, or an empty one.
      ChatEvent event =
          event_of(ChatEvent::Type::ToolArguments, input_.empty() ? std::string("{}") : input_);
      event.index = calls_ - 1;
      events.push_back(std::move(event));
    }
    if (!signature_.empty()) {
      ChatEvent event = event_of(ChatEvent::Type::Reasoning);
      event.signature = std::exchange(signature_, {});
      events.push_back(std::move(event));
    }
    block_ = BlockType::None;
  }

  void take_end(const JsonView& data, Events& events) {
    usage_.take(data["usage"]);
    tell_usage(events);
    const JsonView delta = data["delta"];
    const auto reason = delta["stop_reason"].text();
    if (!reason || has_reason_) {
      return;
    }
    has_reason_ = true;
    end_block(events);
    ChatEvent finish = event_of(ChatEvent::Type::Finish);
    finish.finish = read_anthropic_finish(*reason);
    finish.text = delta["stop_sequence"].text().value_or("");
    if (finish.finish == model::Finish::ContentFilter) {
      add_text(events, ChatEvent::Type::Refusal, delta["stop_details"]["explanation"]);
    }
    events.push_back(std::move(finish));
  }

  void tell_usage(Events& events) {
    ChatEvent event = event_of(ChatEvent::Type::Usage);
    event.usage = usage_.total();
    events.push_back(std::move(event));
  }

  SseSplitter splitter_;
  simdjson::dom::parser parser_;
  AnthropicUsage usage_;
  std::optional<Error> pending_;
  BlockType block_ = BlockType::None;
  std::uint32_t calls_ = 0;
  bool has_arguments_ = false;
  std::string input_;      // what the open call began with
  std::string signature_;  // of the open block, so far
  bool has_reason_ = false;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<ChatReader> make_anthropic_chat_reader() {
  return std::make_unique<AnthropicReader>();
}

}  // namespace headgate::providers
