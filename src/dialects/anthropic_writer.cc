// Blocks of a streamed message must come one behind the other, while the events of a neutral answer
// may change between calls of tools. So one block is open at a time, and what belongs to later ones
// is kept until it closes: a text when something else follows it, a call when its arguments are a
// whole object.
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "dialects/anthropic.h"

namespace headgate::dialects {
namespace {

using model::ChatEvent;

/// Kept for later blocks; real answers interleave a few KiB at most.
constexpr std::size_t kMaxKept = 8U << 20U;

/// Whether JSON text that comes in pieces is a whole object.
class ObjectEnd final {
 public:
  void feed(std::string_view text) {
    for (const char c : text) {
      if (in_string_) {
        in_string_ = escaped_ || c != '"';
        escaped_ = !escaped_ && c == '\\';
      } else if (c == '"') {
        in_string_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if (c == '}' || c == ']') {
        reached_ = --depth_ == 0;
      }
    }
  }
  bool reached() const { return reached_; }

 private:
  std::int64_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool reached_ = false;
};

struct Block {
  enum class Type : std::uint8_t { Text, Thinking, Redacted, ToolUse };
  Type type = Type::Text;
  std::uint32_t call = 0;  ///< of ToolUse
  std::string head;        ///< the value of `content_block`
  std::string text;        ///< of deltas that are to be sent
  std::string signature;   ///< of Thinking, to be sent
  bool is_signed = false;  ///< nothing more belongs to this Thinking
  ObjectEnd arguments;
};

bool is_ended(const Block& block) {
  return block.type != Block::Type::ToolUse || block.arguments.reached();
}

void add_event(std::string& out, std::string_view type, std::string_view data) {
  out.append("event: ").append(type).append("\ndata: ").append(data).append("\n\n");
}

class AnthropicWriter final : public AnswerWriter {
 public:
  explicit AnthropicWriter(const AnswerFrame& frame)
      : request_id_(frame.request_id), model_(frame.model) {}

  void write(const ChatEvent& event, std::string& out) override {
    // This dialect has one answer; and what follows an unsound part is not to be trusted.
    if (event.choice != 0 || ended_ || !unsound_.empty()) {
      return;
    }
    start(event, out);
    switch (event.type) {
      case ChatEvent::Type::Start:
      case ChatEvent::Type::Logprobs:
      case ChatEvent::Type::Image:  // dispatch refuses it: no stream of a dialect carries one
        return;
      case ChatEvent::Type::Text:
        block_of(Block::Type::Text).text.append(event.text);
        break;
      case ChatEvent::Type::Reasoning:
        take_reasoning(event);
        break;
      case ChatEvent::Type::Refusal:
        refusal_.append(event.text);
        return;
      case ChatEvent::Type::ToolCall:
        begin_call(event);
        break;
      case ChatEvent::Type::ToolArguments:
        take_arguments(event);
        break;
      case ChatEvent::Type::Finish:
        finish_ = event.finish;
        stop_sequence_ = event.text;
        return;
      case ChatEvent::Type::Usage:
        usage_ = event.usage;
        return;
    }
    advance(out);
  }

  void finish(std::string& out) override {
    if (ended_) {
      return;
    }
    if (!unsound_.empty()) {
      fail(upstream_failed("The model server's answer could not be understood.", unsound_), out);
      return;
    }
    start(ChatEvent{}, out);
    while (!blocks_.empty()) {
      close(out);
    }
    ended_ = true;
    std::string data;
    JsonWriter json(data);
    json.begin_object().key("type").text("message_delta").key("delta").begin_object();
    write_anthropic_stop(json, finish_, stop_sequence_, refusal_);
    json.end_object().key("usage");
    write_anthropic_usage(json, usage_);
    json.end_object();
    add_event(out, "message_delta", data);
    add_event(out, "message_stop", R"({"type":"message_stop"})");
  }

  void fail(const Error& error, std::string& out) override {
    if (!ended_) {
      ended_ = true;
      add_event(out, "error", encode_anthropic_error(error, request_id_));
    }
  }

 private:
  void start(const ChatEvent& event, std::string& out) {
    if (started_) {
      return;
    }
    started_ = true;
    const bool is_start = event.type == ChatEvent::Type::Start;
    id_ = anthropic_message_id(is_start ? event.id : std::string(), request_id_);
    std::string data;
    JsonWriter json(data);
    json.begin_object().key("type").text("message_start").key("message").begin_object();
    json.key("id").text(id_).key("type").text("message").key("role").text("assistant");
    json.key("model").text(is_start && !event.name.empty() ? event.name : model_);
    json.key("content").begin_array().end_array();
    json.key("stop_reason").null().key("stop_sequence").null().key("usage");
    write_anthropic_usage(json, event.usage);
    json.end_object().end_object();
    add_event(out, "message_start", data);
  }

  /// The last block if it is of that type, else a new one.
  Block& block_of(Block::Type type) {
    const bool goes_on =
        !blocks_.empty() && blocks_.back().type == type && !blocks_.back().is_signed;
    if (goes_on) {
      return blocks_.back();
    }
    Block block;
    block.type = type;
    block.head = type == Block::Type::Text ? R"({"type":"text","text":""})"
                                           : R"({"type":"thinking","thinking":"","signature":""})";
    return blocks_.emplace_back(std::move(block));
  }

  void take_reasoning(const ChatEvent& event) {
    if (event.redacted) {
      Block block;
      block.type = Block::Type::Redacted;
      JsonWriter json(block.head);
      json.begin_object().key("type").text("redacted_thinking");
      json.key("data").text(event.signature).end_object();
      blocks_.push_back(std::move(block));
      return;
    }
    Block& block = block_of(Block::Type::Thinking);
    block.text.append(event.text);
    block.signature.append(event.signature);
    block.is_signed = !event.signature.empty();
  }

  void begin_call(const ChatEvent& event) {
    Block block;
    block.type = Block::Type::ToolUse;
    block.call = event.index;
    JsonWriter json(block.head);
    json.begin_object().key("type").text("tool_use").key("id");
    json.text(event.id.empty() ? anthropic_call_id(id_, event.index) : event.id);
    json.key("name").text(event.name).key("input").begin_object().end_object();
    if (!event.signature.empty()) {
      json.key("signature").text(event.signature);
    }
    json.end_object();
    blocks_.push_back(std::move(block));
  }

  void take_arguments(const ChatEvent& event) {
    for (Block& block : blocks_) {
      if (block.type == Block::Type::ToolUse && block.call == event.index) {
        block.text.append(event.text);
        block.arguments.feed(event.text);
        return;
      }
    }
    if (event.text.find_first_not_of(" \t\r\n") != std::string::npos) {
      unsound_ = "arguments of a call that is not open";
    }
  }

  /// Sends what can be sent now.
  void advance(std::string& out) {
    while (blocks_.size() > 1 && is_ended(blocks_.front())) {
      close(out);
    }
    if (!blocks_.empty()) {
      flush(out);
    }
    std::size_t kept = 0;
    for (const Block& block : blocks_) {
      kept += block.head.size() + block.text.size() + block.signature.size();
    }
    if (kept > kMaxKept) {
      unsound_ = "calls that do not end";
    }
  }

  /// Opens the first block if it is not open, and sends what there is of it.
  void flush(std::string& out) {
    Block& block = blocks_.front();
    const std::string index = std::to_string(index_);
    if (!open_) {
      open_ = true;
      add_event(out, "content_block_start",
                R"({"type":"content_block_start","index":)" + index + R"(,"content_block":)" +
                    std::exchange(block.head, {}) + "}");
    }
    const auto add_delta = [&](std::string_view type, std::string_view member, std::string& value) {
      if (!value.empty()) {
        std::string data = R"({"type":"content_block_delta","index":)" + index + R"(,"delta":)";
        JsonWriter json(data);
        json.begin_object().key("type").text(type).key(member).text(value).end_object();
        add_event(out, "content_block_delta", data.append("}"));
        value.clear();
      }
    };
    switch (block.type) {
      case Block::Type::Text:
        add_delta("text_delta", "text", block.text);
        break;
      case Block::Type::Thinking:
        add_delta("thinking_delta", "thinking", block.text);
        add_delta("signature_delta", "signature", block.signature);
        break;
      case Block::Type::ToolUse:
        add_delta("input_json_delta", "partial_json", block.text);
        break;
      case Block::Type::Redacted:
        break;
    }
  }

  void close(std::string& out) {
    flush(out);
    add_event(out, "content_block_stop",
              R"({"type":"content_block_stop","index":)" + std::to_string(index_++) + "}");
    blocks_.pop_front();
    open_ = false;
  }

  std::string request_id_;
  std::string model_;
  std::string id_;
  std::deque<Block> blocks_;  // the first is open, if `open_`
  std::size_t index_ = 0;     // of the first block
  std::string refusal_;
  model::Finish finish_ = model::Finish::None;
  std::string stop_sequence_;
  model::Usage usage_;
  std::string unsound_;  // why the answer cannot be finished
  bool started_ = false;
  bool open_ = false;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<AnswerWriter> make_anthropic_writer(const AnswerFrame& frame) {
  return std::make_unique<AnthropicWriter>(frame);
}

}  // namespace headgate::dialects
