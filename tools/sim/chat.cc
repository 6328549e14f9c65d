#include "sim/chat.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sim/json.h"
#include "sim/openai.h"

// An answer is made in three layers: what the model says, the events (or the one JSON object) that
// carry it, and the bytes on the wire with their pace.

namespace headgate::sim {
namespace {

constexpr std::size_t kMaxChoices = 128;
constexpr std::size_t kArgumentPiece = 8;

std::string_view finish_of(const Saying& saying) {
  switch (saying.stop) {
    case Stop::End:
    case Stop::Sequence:
      return "stop";
    case Stop::Length:
      return "length";
    case Stop::Calls:
      return "tool_calls";
    case Stop::Refused:
      return "content_filter";
  }
  return "";
}

std::string usage(const Behaviour& behaviour, const std::vector<Saying>& sayings) {
  std::size_t tokens = 0;
  std::size_t thoughts = 0;
  for (const Saying& saying : sayings) {
    tokens += saying.tokens();
    thoughts += saying.thoughts.size();
  }
  std::string text = R"({"prompt_tokens":)" + std::to_string(behaviour.prompt_tokens) +
                     R"(,"completion_tokens":)" + std::to_string(tokens) + R"(,"total_tokens":)" +
                     std::to_string(behaviour.prompt_tokens + tokens);
  if (behaviour.cached_tokens > 0) {
    text += R"(,"prompt_tokens_details":{"cached_tokens":)" +
            std::to_string(behaviour.cached_tokens) + R"(,"audio_tokens":0})";
  }
  if (thoughts > 0) {
    text += R"(,"completion_tokens_details":{"reasoning_tokens":)" + std::to_string(thoughts) +
            R"(,"audio_tokens":0})";
  }
  return text + "}";
}

std::string opening(const Behaviour& behaviour, const ChatShape& shape, const Saying& saying) {
  bool chat = shape.endpoint == Endpoint::Chat;
  std::string_view object = "text_completion";
  if (chat) {
    object = shape.stream ? "chat.completion.chunk" : "chat.completion";
  }
  std::string text = R"({"id":)" + quoted((chat ? "chatcmpl-" : "cmpl-") + saying.id);
  text.append(R"(,"object":")").append(object).append(R"(","created":)");
  text += std::to_string(behaviour.created) + R"(,"model":)" + quoted(shape.model);
  return text + R"(,"choices":[)";
}

std::string logprobs(const ChatShape& shape, const std::vector<std::string>& pieces) {
  if (!shape.logprobs) {
    return "null";
  }
  auto token = [](std::string_view text, std::size_t rank) {
    std::string out = R"({"token":)" + quoted(text) + R"(,"logprob":-)" + std::to_string(rank) +
                      R"(.5,"bytes":[)";
    for (char c : text) {
      out += (out.back() == '[' ? "" : ",") + std::to_string(static_cast<unsigned char>(c));
    }
    return out + "]";
  };
  std::string out = R"({"content":[)";
  for (const std::string& piece : pieces) {
    out += out.back() == '[' ? "" : ",";
    out += token(piece, 0) + R"(,"top_logprobs":[)";
    for (std::size_t i = 0; i < *shape.logprobs; ++i) {
      out += (i == 0 ? "" : ",") + token(i == 0 ? piece : "x" + std::to_string(i), i) + "}";
    }
    out += "]}";
  }
  return out + R"(],"refusal":null})";
}

std::string call_json(const ToolCall& call, std::optional<std::size_t> index,
                      std::string_view arguments) {
  std::string text = "{";
  if (index) {
    text += R"("index":)" + std::to_string(*index) + ",";
  }
  return text + R"("id":)" + quoted("call_" + call.id) +
         R"(,"type":"function","function":{"name":)" + quoted(call.name) + R"(,"arguments":)" +
         quoted(arguments) + "}}";
}

std::string whole_choice(const Behaviour& behaviour, const ChatShape& shape, const Saying& saying,
                         std::size_t index) {
  std::string body = R"({"index":)" + std::to_string(index);
  if (shape.endpoint == Endpoint::Completion) {
    body += R"(,"text":)" + quoted(saying.text());
  } else {
    body += R"(,"message":{"role":"assistant","content":)";
    body += saying.calls.empty() ? quoted(saying.text()) : "null";
    body += R"(,"refusal":null)";
    if (!saying.thoughts.empty()) {
      body += "," + quoted(behaviour.reasoning_field) + ":" + quoted(saying.thought());
    }
    if (!saying.calls.empty()) {
      body += R"(,"tool_calls":[)";
      for (const ToolCall& call : saying.calls) {
        body += (body.back() == '[' ? "" : ",") + call_json(call, std::nullopt, call.arguments);
      }
      body += "]";
    }
    body += "}";
  }
  body += R"(,"logprobs":)" + logprobs(shape, saying.pieces);
  return body.append(R"(,"finish_reason":")").append(finish_of(saying)).append("\"}");
}

/// Makes the events of one stream, one after the other.
class ChatStream {
 public:
  ChatStream(const Behaviour& behaviour, const ChatShape& shape, const std::vector<Saying>& sayings)
      : behaviour_(behaviour),
        shape_(shape),
        sayings_(sayings),
        start_(opening(behaviour, shape, sayings.front())),
        with_usage_(shape.include_usage && !behaviour.usage_missing) {}

  Reply make() {
    std::size_t count = sayings_.size();
    if (chat()) {
      for (std::size_t i = 0; i < count; ++i) {
        add(i, R"("role":"assistant","content":"","refusal":null)", "null", {});
      }
    }
    // Choices take turns, as they do where they are made side by side.
    std::size_t longest = 0;
    for (const Saying& saying : sayings_) {
      longest = std::max({longest, saying.thoughts.size(), saying.pieces.size()});
    }
    for (std::size_t at = 0; at < longest; ++at) {
      add_each(at, &Saying::thoughts, behaviour_.reasoning_field);
    }
    for (std::size_t at = 0; at < longest; ++at) {
      add_each(at, &Saying::pieces, chat() ? "content" : "text");
    }
    for (std::size_t i = 0; i < count; ++i) {
      add_calls(i);
    }
    reply_.finish_at = reply_.events.size();
    for (std::size_t i = 0; i < count; ++i) {
      add(i, chat() ? "" : R"("text":"")", "null", finish_of(sayings_[i]));
    }
    if (with_usage_) {
      reply_.events.push_back({start_ + R"(],"usage":)" + usage(behaviour_, sayings_) + "}"});
    }
    reply_.end_mark = reply_.events.size();
    reply_.events.push_back({"[DONE]"});
    return std::move(reply_);
  }

 private:
  bool chat() const { return shape_.endpoint == Endpoint::Chat; }

  void add(std::size_t index, const std::string& members, std::string_view logprobs_text,
           std::string_view finish, std::chrono::microseconds delay = {}) {
    std::string data = start_ + R"({"index":)" + std::to_string(index);
    data += chat() ? R"(,"delta":{)" + members + "}" : "," + members;
    data.append(R"(,"logprobs":)").append(logprobs_text).append(R"(,"finish_reason":)");
    data += finish.empty() ? "null" : "\"" + std::string(finish) + "\"";
    data += with_usage_ ? R"(}],"usage":null})" : "}]}";
    reply_.events.push_back({.data = std::move(data), .delay = delay});
  }

  void add_each(std::size_t at, std::vector<std::string> Saying::* pieces, std::string_view name) {
    for (std::size_t i = 0; i < sayings_.size(); ++i) {
      const std::vector<std::string>& list = sayings_[i].*pieces;
      if (at < list.size()) {
        bool shown = pieces == &Saying::pieces;
        add(i, quoted(name) + ":" + quoted(list[at]), shown ? logprobs(shape_, {list[at]}) : "null",
            {}, token_gap(behaviour_));
      }
    }
  }

  void add_calls(std::size_t index) {
    const std::vector<ToolCall>& calls = sayings_[index].calls;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      add(index, R"("tool_calls":[)" + call_json(calls[i], i, "") + "]", "null", {},
          token_gap(behaviour_));
      for (const std::string& piece : cut_text(calls[i].arguments, kArgumentPiece)) {
        add(index,
            R"("tool_calls":[{"index":)" + std::to_string(i) + R"(,"function":{"arguments":)" +
                quoted(piece) + "}}]",
            "null", {}, token_gap(behaviour_));
      }
    }
  }

  const Behaviour& behaviour_;
  const ChatShape& shape_;
  const std::vector<Saying>& sayings_;
  std::string start_;
  bool with_usage_;
  Reply reply_;
};

Failure invalid(std::string message) { return {400, "invalid_value", std::move(message)}; }

void read_format(Demand& demand, const json::object& body) {
  const json::object* format = object_member(body, "response_format");
  if (!format) {
    return;
  }
  std::string_view type = text_member(*format, "type").value_or("");
  if (type == "json_schema") {
    const json::object* named = object_member(*format, "json_schema");
    const json::object* schema = object_member(named ? *named : *format, "schema");
    demand.schema = schema ? json::serialize(*schema) : "{}";
  } else if (type == "json_object") {
    demand.schema = R"({"type":"object","properties":{"answer":{"type":"string"}}})";
  }
}

/// What the last messages mean for the answer. A tool's result must name a call before it.
std::optional<Failure> read_messages(Demand& demand, const json::object& body) {
  const json::array* messages = array_member(body, "messages");
  if (!messages || messages->empty()) {
    return invalid("'messages' must be a list with at least one message.");
  }
  std::vector<std::string> open_calls;
  for (const json::value& value : *messages) {
    if (!value.is_object() || !text_member(value.get_object(), "role")) {
      return invalid("A message needs a role.");
    }
    const json::object& message = value.get_object();
    std::string_view role = *text_member(message, "role");
    demand.after_tools = role == "tool";
    demand.prefix.clear();
    if (role == "assistant") {
      open_calls = openai_call_ids(message);
      demand.prefix = content_text(message);
    } else if (role == "tool") {
      std::string id(text_member(message, "tool_call_id").value_or(""));
      auto call = std::find(open_calls.begin(), open_calls.end(), id);
      if (call == open_calls.end()) {
        return invalid("A message of role 'tool' must answer a preceding tool call.");
      }
      open_calls.erase(call);
      demand.heard(content_text(message));
    } else {
      if (!open_calls.empty()) {
        return invalid("A tool call has no answer: " + open_calls.front() + ".");
      }
      if (role == "user") {
        demand.heard(content_text(message));
      }
    }
  }
  if (!flag_member(body, "continue_final_message")) {
    demand.prefix.clear();
  }
  return std::nullopt;
}

}  // namespace

std::variant<Demand, Failure> read_chat(std::string_view text, ChatShape& shape) {
  auto parsed = parse_object(text);
  if (!parsed) {
    return Failure{400, "invalid_json", "The body is not a JSON object."};
  }
  const json::object& body = *parsed;
  Demand demand;
  shape.stream = flag_member(body, "stream");
  const json::object* stream_options = object_member(body, "stream_options");
  if (stream_options && !shape.stream) {
    return invalid("'stream_options' is only allowed when 'stream' is true.");
  }
  shape.include_usage = stream_options && flag_member(*stream_options, "include_usage");
  shape.choices = count_member(body, "n").value_or(1);
  if (shape.choices < 1 || shape.choices > kMaxChoices) {
    return invalid("'n' must be between 1 and 128.");
  }
  if (flag_member(body, "logprobs")) {
    shape.logprobs = std::min<std::size_t>(count_member(body, "top_logprobs").value_or(0), 20);
  }
  demand.max_tokens = count_member(body, "max_completion_tokens")
                          .value_or(count_member(body, "max_tokens").value_or(SIZE_MAX));
  demand.stop = texts_of(member(body, "stop"));
  if (shape.endpoint == Endpoint::Completion) {
    for (const std::string& prompt : texts_of(member(body, "prompt"))) {
      demand.heard(prompt);
    }
    return demand;
  }
  if (auto failure = read_messages(demand, body)) {
    return *failure;
  }
  read_format(demand, body);
  if (auto failure = read_openai_tools(demand, body)) {
    return *failure;
  }
  return demand;
}

Reply chat_reply(const Behaviour& behaviour, const ChatShape& shape, const Demand& demand) {
  std::vector<Saying> sayings;
  sayings.reserve(shape.choices);
  for (std::size_t i = 0; i < shape.choices; ++i) {
    sayings.push_back(say(behaviour, demand, i));
  }
  if (shape.stream) {
    return ChatStream(behaviour, shape, sayings).make();
  }
  std::string body = opening(behaviour, shape, sayings.front());
  for (std::size_t i = 0; i < sayings.size(); ++i) {
    body += (i == 0 ? "" : ",") + whole_choice(behaviour, shape, sayings[i], i);
  }
  body += "]";
  if (!behaviour.usage_missing) {
    body += R"(,"usage":)" + usage(behaviour, sayings);
  }
  Reply reply = json_reply(Protocol::OpenAi, body + "}");
  for (const Saying& saying : sayings) {
    reply.tokens = std::max(reply.tokens, saying.tokens());
  }
  reply.tokens = std::max<std::size_t>(1, reply.tokens);
  return reply;
}

}  // namespace headgate::sim
