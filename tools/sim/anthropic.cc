#include "sim/anthropic.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sim/json.h"

namespace headgate::sim {
namespace {

constexpr std::size_t kInputPiece = 8;
constexpr std::size_t kThoughts = 4;  ///< where thinking was asked for and the model has none

std::string_view stop_reason(const Saying& saying) {
  switch (saying.stop) {
    case Stop::End:
      return "end_turn";
    case Stop::Length:
      return "max_tokens";
    case Stop::Sequence:
      return "stop_sequence";
    case Stop::Calls:
      return "tool_use";
    case Stop::Refused:
      return "refusal";
  }
  return "";
}

std::string stop_members(const Saying& saying) {
  std::string text = R"("stop_reason":)" + quoted(stop_reason(saying)) + R"(,"stop_sequence":)";
  text += saying.stop == Stop::Sequence ? quoted(saying.stop_sequence) : "null";
  text += R"(,"stop_details":)";
  text += saying.stop == Stop::Refused
              ? R"({"type":"refusal","category":"general_harms","explanation":"Declined."})"
              : "null";
  return text;
}

std::string input_usage(const Behaviour& behaviour) {
  std::size_t cached = std::min(behaviour.cached_tokens, behaviour.prompt_tokens);
  return R"("input_tokens":)" + std::to_string(behaviour.prompt_tokens - cached) +
         R"(,"cache_creation_input_tokens":0,"cache_read_input_tokens":)" + std::to_string(cached);
}

std::string whole_usage(const Behaviour& behaviour, const Saying& saying) {
  return "{" + input_usage(behaviour) +
         R"(,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},)" +
         R"("output_tokens":)" + std::to_string(saying.tokens()) +
         R"(,"output_tokens_details":{"thinking_tokens":)" +
         std::to_string(saying.thoughts.size()) +
         R"(},"server_tool_use":null,"service_tier":"standard","inference_geo":null,"speed":null})";
}

std::string opening(const AnthropicRequest& request, const Saying& saying) {
  return R"({"id":)" + quoted("msg_" + saying.id) +
         R"(,"type":"message","role":"assistant","model":)" + quoted(request.model) +
         R"(,"content":[)";
}

std::string call_start(const ToolCall& call) {
  return R"({"type":"tool_use","id":)" + quoted("toolu_" + call.id) + R"(,"name":)" +
         quoted(call.name) + R"(,"input":)";
}

std::string whole_body(const Behaviour& behaviour, const AnthropicRequest& request,
                       const Saying& saying) {
  std::string body = opening(request, saying);
  auto add = [&](const std::string& block) { body += (body.back() == '[' ? "" : ",") + block; };
  if (!saying.thoughts.empty()) {
    std::string thought = saying.thought();
    add(R"({"type":"thinking","thinking":)" + quoted(request.hides_thought ? "" : thought) +
        R"(,"signature":)" + quoted(thought_signature(request.hides_thought ? "" : thought)) + "}");
  }
  if (!saying.pieces.empty()) {
    add(R"({"type":"text","text":)" + quoted(saying.text()) + R"(,"citations":null})");
  }
  for (const ToolCall& call : saying.calls) {
    add(call_start(call) + call.arguments + "}");
  }
  body += "]," + stop_members(saying) + R"(,"container":null,"diagnostics":null)";
  if (!behaviour.usage_missing) {
    body += R"(,"usage":)" + whole_usage(behaviour, saying);
  }
  return body + "}";
}

class MessageStream {
 public:
  MessageStream(const Behaviour& behaviour, const AnthropicRequest& request, const Saying& saying)
      : behaviour_(behaviour), request_(request), saying_(saying) {}

  Reply make() {
    reply_.protocol = Protocol::Anthropic;
    std::string usage = behaviour_.usage_missing
                            ? std::string()
                            : R"(,"usage":{)" + input_usage(behaviour_) + R"(,"output_tokens":1})";
    add("message_start", R"("message":)" + opening(request_, saying_) +
                             R"(],"stop_reason":null,"stop_sequence":null)" + usage + "}");
    think();
    if (!saying_.pieces.empty()) {
      start(R"({"type":"text","text":""})");
      for (const std::string& piece : saying_.pieces) {
        delta(R"({"type":"text_delta","text":)" + quoted(piece) + "}", token_gap(behaviour_));
      }
      stop();
    }
    for (const ToolCall& call : saying_.calls) {
      start(call_start(call) + "{}}");
      for (const std::string& piece : cut_text(call.arguments, kInputPiece)) {
        delta(R"({"type":"input_json_delta","partial_json":)" + quoted(piece) + "}",
              token_gap(behaviour_));
      }
      stop();
    }
    reply_.finish_at = reply_.events.size();
    std::string output = behaviour_.usage_missing
                             ? std::string()
                             : R"(,"usage":{)" + input_usage(behaviour_) + R"(,"output_tokens":)" +
                                   std::to_string(saying_.tokens()) + "}";
    add("message_delta", R"("delta":{)" + stop_members(saying_) + "}" + output);
    reply_.end_mark = reply_.events.size();
    add("message_stop", "");
    return std::move(reply_);
  }

 private:
  void add(std::string_view type, const std::string& members,
           std::chrono::microseconds delay = {}) {
    std::string data = R"({"type":)" + quoted(type);
    data += members.empty() ? "}" : "," + members + "}";
    reply_.events.push_back({.data = std::move(data), .name = std::string(type), .delay = delay});
  }

  std::string index() const { return R"("index":)" + std::to_string(blocks_); }

  void start(const std::string& block) {
    add("content_block_start", index() + R"(,"content_block":)" + block);
    if (blocks_ == 0) {
      reply_.events.push_back({.data = R"({"type":"ping"})", .name = "ping", .ping = true});
    }
  }

  void delta(const std::string& change, std::chrono::microseconds delay) {
    add("content_block_delta", index() + R"(,"delta":)" + change, delay);
  }

  void stop() {
    add("content_block_stop", index());
    ++blocks_;
  }

  void think() {
    if (saying_.thoughts.empty()) {
      return;
    }
    start(R"({"type":"thinking","thinking":"","signature":""})");
    for (const std::string& piece : saying_.thoughts) {
      if (!request_.hides_thought) {
        delta(R"({"type":"thinking_delta","thinking":)" + quoted(piece) + "}",
              token_gap(behaviour_));
      }
    }
    std::string thought = request_.hides_thought ? "" : saying_.thought();
    delta(R"({"type":"signature_delta","signature":)" + quoted(thought_signature(thought)) + "}",
          {});
    stop();
  }

  const Behaviour& behaviour_;
  const AnthropicRequest& request_;
  const Saying& saying_;
  Reply reply_;
  std::size_t blocks_ = 0;
};

std::string model_json(std::string_view id) {
  return R"({"type":"model","id":)" + quoted(id) + R"(,"display_name":)" + quoted(id) +
         R"(,"created_at":"2023-11-14T22:13:20Z","max_input_tokens":200000,"max_tokens":64000,)" +
         R"("lifecycle":"active","capabilities":null})";
}

}  // namespace

std::string thought_signature(std::string_view thought) {
  return base64_of("thought:" + hex_of(hash_text(kHashStart, thought)));
}

Reply anthropic_reply(const Behaviour& behaviour, const AnthropicRequest& request) {
  Behaviour thinking = behaviour;
  if (!request.thinks) {
    thinking.reasoning = 0;
  } else if (request.must_think && thinking.reasoning == 0) {
    thinking.reasoning = kThoughts;
  }
  Saying saying = say(thinking, request.demand);
  if (request.stream) {
    return MessageStream(behaviour, request, saying).make();
  }
  Reply reply = json_reply(Protocol::Anthropic, whole_body(behaviour, request, saying));
  reply.tokens = std::max<std::size_t>(1, saying.tokens());
  return reply;
}

Reply anthropic_count(const Behaviour& behaviour) {
  return json_reply(Protocol::Anthropic,
                    R"({"input_tokens":)" + std::to_string(behaviour.prompt_tokens) + "}");
}

Reply anthropic_models(std::string_view id) {
  return json_reply(Protocol::Anthropic,
                    id.empty() ? R"({"data":[)" + model_json("sim") +
                                     R"(],"has_more":false,"first_id":"sim","last_id":"sim"})"
                               : model_json(id));
}

}  // namespace headgate::sim
