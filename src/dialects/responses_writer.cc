// The events of a streamed response. The neutral stream knows no items: an item begins with the
// first event of its kind and ends when another kind follows. Calls stay open together, because
// vendors may interleave their arguments; they end in the order in which they began.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "dialects/openai_words.h"
#include "dialects/response_object.h"
#include "dialects/responses.h"

namespace headgate::dialects {
namespace {

using model::ChatEvent;

/// What may be kept of an answer for the events that repeat it.
constexpr std::size_t kMaxKept = 64U << 20U;

class ResponsesWriter final : public AnswerWriter {
 public:
  explicit ResponsesWriter(const AnswerFrame& frame) : object_(frame) {}

  void write(const ChatEvent& event, std::string& out) override {
    using Type = ChatEvent::Type;
    if (ended_ || event.choice != 0) {
      return;
    }
    if (event.type == Type::Usage) {
      update(usage_, event.usage);
      return;
    }
    begin(event, out);
    switch (event.type) {
      case Type::Text:
        write_text(PartOpen::Text, event.text, out);
        break;
      case Type::Refusal:
        write_text(PartOpen::Refusal, event.text, out);
        break;
      case Type::Reasoning:
        write_reasoning(event, out);
        break;
      case Type::ToolCall:
        begin_call(event, out);
        break;
      case Type::ToolArguments:
        write_arguments(event, out);
        break;
      case Type::Logprobs:
        append_item(logprobs_, logprob_elements(event.text));
        kept_ += event.text.size();
        break;
      case Type::Finish:
        finish_ = event.finish;
        break;
      default:
        break;
    }
    kept_ += event.text.size();
    if (kept_ > kMaxKept) {
      fail(upstream_failed("The answer is too long to be streamed as a response.",
                           "more than 64 MiB"),
           out);
    }
  }

  void finish(std::string& out) override {
    if (ended_) {
      return;
    }
    begin({}, out);
    const std::string_view reason = incomplete_reason(finish_);
    const std::string_view status = reason.empty() ? "completed" : "incomplete";
    close_items(status, out);
    ended_ = true;
    ResponseStanding standing;
    standing.status = status;
    standing.output = output_;
    standing.incomplete_reason = reason;
    standing.usage = usage_;
    write_response("response." + std::string(status), standing, out);
  }

  void fail(const Error& error, std::string& out) override {
    if (ended_) {
      return;
    }
    ended_ = true;
    JsonWriter json = begin_event("error", out);
    json.key("code").text(wire_code(error)).key("message").text(error.message).key("param");
    error.param.empty() ? json.null() : json.text(error.param);
    end_event(json, out);
    if (begun_) {
      ResponseStanding standing;
      standing.status = "failed";
      standing.output = output_;
      standing.error = &error;
      standing.usage = usage_;
      write_response("response.failed", standing, out);
    }
  }

 private:
  enum class PartOpen : std::uint8_t { None, Text, Refusal };
  enum class ItemOpen : std::uint8_t { None, Message, Reasoning, Calls };

  struct Call {
    std::uint32_t index = 0;  ///< in the neutral stream
    std::size_t number = 0;   ///< in the output
    std::string item_id;
    model::ToolCall call;
  };

  JsonWriter begin_event(std::string_view type, std::string& out) {
    out.append("event: ").append(type).append("\ndata: ");
    JsonWriter json(out);
    json.begin_object().key("type").text(type).key("sequence_number").number(sequence_++);
    return json;
  }
  static void end_event(JsonWriter& json, std::string& out) {
    json.end_object();
    out.append("\n\n");
  }

  void write_response(std::string_view type, const ResponseStanding& standing, std::string& out) {
    JsonWriter json = begin_event(type, out);
    json.key("response").raw(object_.encode(standing));
    end_event(json, out);
  }

  /// An event of an item, with `value` as its last member.
  void write_item_event(std::string_view type, std::size_t number, std::string_view item,
                        std::string& out) {
    JsonWriter json = begin_event(type, out);
    json.key("output_index").number(number).key("item").raw(item);
    end_event(json, out);
  }

  /// An event of the open part of a message or summary; `extra` is further JSON members.
  void write_part_event(std::string_view type, std::string_view member, std::string_view value,
                        std::string_view extra, std::string& out) {
    JsonWriter json = begin_event(type, out);
    json.key("item_id").text(item_id_).key("output_index").number(number_);
    const bool is_summary = item_ == ItemOpen::Reasoning;
    json.key(is_summary ? "summary_index" : "content_index").number(is_summary ? 0 : part_number_);
    json.key(member).raw(value);
    out.append(extra);
    end_event(json, out);
  }

  void begin(const ChatEvent& event, std::string& out) {
    if (begun_) {
      return;
    }
    begun_ = true;
    if (event.type == ChatEvent::Type::Start) {
      object_.set_model(event.name);
    }
    ResponseStanding standing;
    standing.status = "in_progress";
    write_response("response.created", standing, out);
    write_response("response.in_progress", standing, out);
  }

  // Messages.

  void write_text(PartOpen part, const std::string& text, std::string& out) {
    if (text.empty()) {
      return;
    }
    if (item_ != ItemOpen::Message) {
      close_items("completed", out);
      open_item(ItemOpen::Message, "msg", out);
    }
    if (part_ != part) {
      close_part(out);
      part_ = part;
      write_part_event("response.content_part.added", "part", part_json({}, {}), {}, out);
    }
    text_.append(text);
    const bool is_text = part == PartOpen::Text;
    write_part_event(is_text ? "response.output_text.delta" : "response.refusal.delta", "delta",
                     json_quote(text), is_text ? R"(,"logprobs":[])" : "", out);
  }

  std::string part_json(std::string_view text, std::string_view logprobs) const {
    return part_ == PartOpen::Text ? output_text_part(text, logprobs) : refusal_part(text);
  }

  void close_part(std::string& out) {
    if (part_ == PartOpen::None) {
      return;
    }
    const std::string quoted = json_quote(text_);
    if (part_ == PartOpen::Text) {
      write_part_event("response.output_text.done", "text", quoted,
                       R"(,"logprobs":[)" + logprobs_ + "]", out);
    } else {
      write_part_event("response.refusal.done", "refusal", quoted, {}, out);
    }
    const std::string part = part_json(text_, logprobs_);
    write_part_event("response.content_part.done", "part", part, {}, out);
    append_item(parts_, part);
    part_ = PartOpen::None;
    ++part_number_;
    text_.clear();
    logprobs_.clear();
  }

  // Reasoning.

  void write_reasoning(const ChatEvent& event, std::string& out) {
    if (event.text.empty() && event.signature.empty()) {
      return;
    }
    if (item_ != ItemOpen::Reasoning) {
      close_items("completed", out);
      open_item(ItemOpen::Reasoning, "rs", out);
    }
    if (!event.text.empty()) {
      if (text_.empty()) {
        write_part_event("response.reasoning_summary_part.added", "part", summary_part({}), {},
                         out);
      }
      text_.append(event.text);
      write_part_event("response.reasoning_summary_text.delta", "delta", json_quote(event.text), {},
                       out);
    }
    if (!event.signature.empty()) {
      signature_ = event.signature;
      close_items("completed", out);
    }
  }

  void close_reasoning(std::string& out) {
    if (!text_.empty()) {
      write_part_event("response.reasoning_summary_text.done", "text", json_quote(text_), {}, out);
      parts_ = summary_part(text_);
      write_part_event("response.reasoning_summary_part.done", "part", parts_, {}, out);
    }
    end_item(number_, reasoning_item(item_id_, parts_, signature_), out);
  }

  // Calls.

  void begin_call(const ChatEvent& event, std::string& out) {
    if (item_ != ItemOpen::Calls) {
      close_items("completed", out);
      item_ = ItemOpen::Calls;
    }
    const std::size_t number = count_++;
    calls_.push_back(
        {.index = event.index,
         .number = number,
         .item_id = object_.item_id("fc", number),
         .call = {
             .id = event.id, .name = event.name, .arguments = {}, .signature = event.signature}});
    write_item_event("response.output_item.added", number,
                     call_item(calls_.back().item_id, "in_progress", calls_.back().call), out);
  }

  void write_arguments(const ChatEvent& event, std::string& out) {
    for (Call& call : calls_) {
      if (call.index == event.index) {
        call.call.arguments.append(event.text);
        write_call_event("response.function_call_arguments.delta", call, "delta", event.text, out);
        return;
      }
    }
  }

  void write_call_event(std::string_view type, const Call& call, std::string_view member,
                        std::string_view text, std::string& out) {
    JsonWriter json = begin_event(type, out);
    json.key("item_id").text(call.item_id).key("output_index").number(call.number);
    json.key(member).text(text);
    end_event(json, out);
  }

  void close_calls(std::string_view status, std::string& out) {
    for (const Call& call : calls_) {
      write_call_event("response.function_call_arguments.done", call, "arguments",
                       call.call.arguments, out);
      const bool is_last = &call == &calls_.back();
      end_item(call.number, call_item(call.item_id, is_last ? status : "completed", call.call),
               out);
    }
    calls_.clear();
  }

  // Items.

  void open_item(ItemOpen kind, std::string_view prefix, std::string& out) {
    item_ = kind;
    number_ = count_++;
    item_id_ = object_.item_id(prefix, number_);
    part_number_ = 0;
    write_item_event("response.output_item.added", number_,
                     kind == ItemOpen::Message ? message_item(item_id_, "in_progress", {})
                                               : reasoning_item(item_id_, {}, {}),
                     out);
  }

  /// Ends what is open; `status` is that of the last item.
  void close_items(std::string_view status, std::string& out) {
    switch (item_) {
      case ItemOpen::None:
        break;
      case ItemOpen::Message:
        close_part(out);
        end_item(number_, message_item(item_id_, status, parts_), out);
        break;
      case ItemOpen::Reasoning:
        close_reasoning(out);
        break;
      case ItemOpen::Calls:
        close_calls(status, out);
        break;
    }
    item_ = ItemOpen::None;
    parts_.clear();
    text_.clear();
    signature_.clear();
  }

  void end_item(std::size_t number, std::string_view item, std::string& out) {
    write_item_event("response.output_item.done", number, item, out);
    append_item(output_, item);
  }

  ResponseObject object_;
  std::uint64_t sequence_ = 0;
  std::size_t kept_ = 0;
  bool begun_ = false;
  bool ended_ = false;
  model::Finish finish_ = model::Finish::None;
  model::Usage usage_;
  std::string output_;     // items that have ended
  std::size_t count_ = 0;  // of items
  ItemOpen item_ = ItemOpen::None;
  std::size_t number_ = 0;  // of the open message or reasoning
  std::string item_id_;
  PartOpen part_ = PartOpen::None;
  std::size_t part_number_ = 0;
  std::string parts_;  // of the open item, those that have ended
  std::string text_;   // of the open part
  std::string logprobs_;
  std::string signature_;
  std::vector<Call> calls_;
};

}  // namespace

std::unique_ptr<AnswerWriter> make_responses_writer(const AnswerFrame& frame) {
  return std::make_unique<ResponsesWriter>(frame);
}

}  // namespace headgate::dialects
