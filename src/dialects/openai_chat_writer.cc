#include <set>
#include <string>

#include "base/json_writer.h"
#include "dialects/openai_chat.h"
#include "dialects/openai_words.h"

namespace headgate::dialects {
namespace {

using model::ChatEvent;

class OpenAiChatWriter final : public AnswerWriter {
 public:
  explicit OpenAiChatWriter(const AnswerFrame& frame)
      : request_id_(frame.request_id),
        id_(chat_id({}, frame.request_id)),
        model_(frame.model),
        created_(frame.created),
        usage_wanted_(frame.usage_wanted) {}

  void write(const ChatEvent& event, std::string& out) override {
    using Type = ChatEvent::Type;
    if (ended_) {
      return;
    }
    if (event.type == Type::Usage) {
      update(usage_, event.usage);
      return;
    }
    if (event.type == Type::Start) {
      // A second beginning is that of a target which goes on with the answer.
      if (begun_.empty()) {
        id_ = chat_id(event.id, request_id_);
        model_ = event.name.empty() ? model_ : event.name;
      }
      begin_choice(0, out);
      return;
    }
    if (finished_.contains(event.choice)) {
      return;  // told again by a target that went on with the answer
    }
    begin_choice(event.choice, out);
    switch (event.type) {
      case Type::Text:
        write_delta(event, "content", out);
        break;
      case Type::Reasoning:
        write_delta(event, "reasoning_content", out);
        break;
      case Type::Refusal:
        write_delta(event, "refusal", out);
        break;
      case Type::ToolCall:
      case Type::ToolArguments:
        write_call(event, out);
        break;
      case Type::Logprobs:
        begin_chunk(event.choice, out).end_object();
        end_chunk(event.text, model::Finish::None, out);
        break;
      case Type::Finish:
        finished_.insert(event.choice);
        begin_chunk(event.choice, out).end_object();
        end_chunk("null", event.finish, out);
        break;
      default:
        break;
    }
  }

  void finish(std::string& out) override {
    if (ended_) {
      return;
    }
    ended_ = true;
    if (usage_wanted_ && is_known(usage_)) {
      out.append("data: ");
      JsonWriter json(out);
      write_head(json);
      json.key("choices").begin_array().end_array();
      write_chat_usage(json, usage_);
      json.end_object();
      out.append("\n\n");
    }
    out.append("data: [DONE]\n\n");
  }

  void fail(const Error& error, std::string& out) override {
    if (ended_) {
      return;
    }
    ended_ = true;
    out.append("data: ");
    JsonWriter json(out);
    json.begin_object().key("error").begin_object().key("message").text(error.message);
    json.key("type").text(wire_type(error.kind)).key("param");
    error.param.empty() ? json.null() : json.text(error.param);
    json.key("code").text(wire_code(error)).key("request_id").text(request_id_);
    json.end_object().end_object();
    out.append("\n\n");
  }

 private:
  void write_head(JsonWriter& json) const {
    json.begin_object().key("id").text(id_);
    json.key("object").text("chat.completion.chunk").key("created").number(created_);
    json.key("model").text(model_).key("system_fingerprint").null();
  }

  /// A chunk up to the inside of its delta.
  JsonWriter begin_chunk(std::uint32_t choice, std::string& out) const {
    out.append("data: ");
    JsonWriter json(out);
    write_head(json);
    json.key("choices").begin_array().begin_object().key("index").number(choice);
    json.key("delta").begin_object();
    return json;
  }

  /// What stands behind the delta.
  void end_chunk(std::string_view logprobs, model::Finish finish, std::string& out) const {
    out.append(R"(,"logprobs":)").append(logprobs).append(",");
    JsonWriter json(out);
    write_finish_reason(json, finish);
    json.end_object().end_array();
    if (usage_wanted_) {
      json.key("usage").null();
    }
    json.end_object();
    out.append("\n\n");
  }

  /// The first chunk of a choice says who speaks.
  void begin_choice(std::uint32_t choice, std::string& out) {
    if (begun_.insert(choice).second) {
      begin_chunk(choice, out)
          .key("role")
          .text("assistant")
          .key("content")
          .text("")
          .key("refusal")
          .null()
          .end_object();
      end_chunk("null", model::Finish::None, out);
    }
  }

  void write_delta(const ChatEvent& event, std::string_view member, std::string& out) const {
    if (event.text.empty()) {
      return;  // of reasoning, a signature, which has no place here
    }
    begin_chunk(event.choice, out).key(member).text(event.text).end_object();
    end_chunk("null", model::Finish::None, out);
  }

  void write_call(const ChatEvent& event, std::string& out) const {
    JsonWriter json = begin_chunk(event.choice, out);
    json.key("tool_calls").begin_array().begin_object().key("index").number(event.index);
    if (event.type == ChatEvent::Type::ToolCall) {
      json.key("id").text(event.id).key("type").text("function");
      json.key("function").begin_object().key("name").text(event.name);
      json.key("arguments").text("").end_object();
      write_signature(json, event.signature);
    } else {
      json.key("function").begin_object().key("arguments").text(event.text).end_object();
    }
    json.end_object().end_array().end_object();
    end_chunk("null", model::Finish::None, out);
  }

  std::string request_id_;
  std::string id_;
  std::string model_;
  std::int64_t created_;
  bool usage_wanted_;
  std::set<std::uint32_t> begun_;     // choices
  std::set<std::uint32_t> finished_;  // choices
  model::Usage usage_;
  bool ended_ = false;
};

class OpenAiChatDialect final : public Dialect {
 public:
  Result<model::ChatRequest> decode(std::string_view body) const override {
    return decode_openai_chat(body);
  }
  std::string encode(const model::ChatAnswer& answer, const AnswerFrame& frame) const override {
    return encode_openai_chat(answer, frame);
  }
  std::unique_ptr<AnswerWriter> writer(const AnswerFrame& frame) const override {
    return make_openai_chat_writer(frame);
  }
  std::string_view ping() const override { return ": ping\n\n"; }
};

}  // namespace

std::unique_ptr<AnswerWriter> make_openai_chat_writer(const AnswerFrame& frame) {
  return std::make_unique<OpenAiChatWriter>(frame);
}

std::unique_ptr<Dialect> make_openai_chat_dialect() {
  return std::make_unique<OpenAiChatDialect>();
}

}  // namespace headgate::dialects
