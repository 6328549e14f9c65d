#include "sim/responses.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "sim/openai.h"

namespace headgate::sim {
namespace {

constexpr std::size_t kArgumentPiece = 8;

Failure invalid(std::string message) { return {400, "invalid_value", std::move(message)}; }

std::string_view end_status(const Saying& saying) {
  return saying.stop == Stop::Length || saying.stop == Stop::Refused ? "incomplete" : "completed";
}

std::string usage_json(const Behaviour& behaviour, const Saying& saying) {
  std::size_t tokens = saying.tokens();
  return R"({"input_tokens":)" + std::to_string(behaviour.prompt_tokens) +
         R"(,"input_tokens_details":{"cached_tokens":)" + std::to_string(behaviour.cached_tokens) +
         R"(},"output_tokens":)" + std::to_string(tokens) +
         R"(,"output_tokens_details":{"reasoning_tokens":)" +
         std::to_string(saying.thoughts.size()) + R"(},"total_tokens":)" +
         std::to_string(behaviour.prompt_tokens + tokens) + "}";
}

std::string part_json(std::string_view text) {
  return R"({"type":"output_text","text":)" + quoted(text) + R"(,"annotations":[],"logprobs":[]})";
}

std::string message_json(const Saying& saying, std::string_view status, const std::string& parts) {
  return R"({"type":"message","id":)" + quoted("msg_" + saying.id) + R"(,"status":)" +
         quoted(status) + R"(,"role":"assistant","content":[)" + parts + "]}";
}

std::string call_json(const ToolCall& call, std::string_view status, std::string_view arguments) {
  return R"({"type":"function_call","id":)" + quoted("fc_" + call.id) + R"(,"call_id":)" +
         quoted("call_" + call.id) + R"(,"name":)" + quoted(call.name) + R"(,"arguments":)" +
         quoted(arguments) + R"(,"status":)" + quoted(status) + "}";
}

std::string summary_json(std::string_view text) {
  return R"({"type":"summary_text","text":)" + quoted(text) + "}";
}

std::string reasoning_json(const Saying& saying, const std::string& summary) {
  return R"({"type":"reasoning","id":)" + quoted("rs_" + saying.id) + R"(,"summary":[)" + summary +
         "]}";
}

std::string output_json(const Saying& saying) {
  std::string output;
  auto add = [&](const std::string& item) { output += (output.empty() ? "" : ",") + item; };
  if (!saying.thoughts.empty()) {
    add(reasoning_json(saying, summary_json(saying.thought())));
  }
  if (!saying.pieces.empty()) {
    add(message_json(saying, "completed", part_json(saying.text())));
  }
  for (const ToolCall& call : saying.calls) {
    add(call_json(call, "completed", call.arguments));
  }
  return output;
}

std::string response_json(const Behaviour& behaviour, const ResponsesRequest& request,
                          const Saying& saying, std::string_view status) {
  bool over = status == "completed" || status == "incomplete";
  std::string created = std::to_string(behaviour.created);
  std::string body = R"({"id":)" + quoted("resp_" + saying.id) +
                     R"(,"object":"response","created_at":)" + created + R"(,"completed_at":)" +
                     (over ? created : "null") + R"(,"status":)" + quoted(status) +
                     R"(,"background":)" + (request.background ? "true" : "false") +
                     R"(,"error":null,"incomplete_details":)";
  if (status == "incomplete") {
    body += saying.stop == Stop::Refused ? R"({"reason":"content_filter"})"
                                         : R"({"reason":"max_output_tokens"})";
  } else {
    body += "null";
  }
  body += R"(,"model":)" + quoted(request.model) + R"(,"output":[)" +
          (over ? output_json(saying) : "") + R"(],"parallel_tool_calls":true,"store":)" +
          (request.store ? "true" : "false") + R"(,"previous_response_id":)" +
          (request.previous.empty() ? "null" : quoted(request.previous)) + request.echo;
  body += R"(,"usage":)";
  body += over && !behaviour.usage_missing ? usage_json(behaviour, saying) : "null";
  return body + "}";
}

class ResponseStream {
 public:
  ResponseStream(const Behaviour& behaviour, const ResponsesRequest& request, const Saying& saying)
      : behaviour_(behaviour), request_(request), saying_(saying) {}

  Reply make() {
    reply_.protocol = Protocol::Responses;
    std::string begun = response_json(behaviour_, request_, saying_, "in_progress");
    add("response.created", R"("response":)" + begun);
    add("response.in_progress", R"("response":)" + begun);
    if (!saying_.thoughts.empty()) {
      think();
    }
    if (!saying_.pieces.empty()) {
      talk();
    }
    for (const ToolCall& call : saying_.calls) {
      make_call(call);
    }
    std::string_view status = end_status(saying_);
    reply_.finish_at = reply_.end_mark = reply_.events.size();
    add("response." + std::string(status),
        R"("response":)" + response_json(behaviour_, request_, saying_, status));
    return std::move(reply_);
  }

 private:
  void add(const std::string& type, const std::string& members,
           std::chrono::microseconds delay = {}) {
    reply_.events.push_back({.data = R"({"type":)" + quoted(type) + R"(,"sequence_number":)" +
                                     std::to_string(reply_.events.size()) + "," + members + "}",
                             .name = type,
                             .delay = delay});
  }

  std::string at(const std::string& id) const {
    return R"("item_id":)" + quoted(id) + R"(,"output_index":)" + std::to_string(index_);
  }

  void item(const std::string& type, const std::string& json) {
    add("response.output_item." + type,
        R"("output_index":)" + std::to_string(index_) + R"(,"item":)" + json);
  }

  void think() {
    std::string here = at("rs_" + saying_.id) + R"(,"summary_index":0,)";
    std::string whole = summary_json(saying_.thought());
    item("added", reasoning_json(saying_, ""));
    add("response.reasoning_summary_part.added", here + R"("part":)" + summary_json(""));
    for (const std::string& piece : saying_.thoughts) {
      add("response.reasoning_summary_text.delta", here + R"("delta":)" + quoted(piece),
          token_gap(behaviour_));
    }
    add("response.reasoning_summary_text.done", here + R"("text":)" + quoted(saying_.thought()));
    add("response.reasoning_summary_part.done", here + R"("part":)" + whole);
    item("done", reasoning_json(saying_, whole));
    ++index_;
  }

  void talk() {
    std::string here = at("msg_" + saying_.id) + R"(,"content_index":0,)";
    std::string whole = part_json(saying_.text());
    item("added", message_json(saying_, "in_progress", ""));
    add("response.content_part.added", here + R"("part":)" + part_json(""));
    for (const std::string& piece : saying_.pieces) {
      add("response.output_text.delta", here + R"("delta":)" + quoted(piece) + R"(,"logprobs":[])",
          token_gap(behaviour_));
    }
    add("response.output_text.done",
        here + R"("text":)" + quoted(saying_.text()) + R"(,"logprobs":[])");
    add("response.content_part.done", here + R"("part":)" + whole);
    item("done", message_json(saying_, "completed", whole));
    ++index_;
  }

  void make_call(const ToolCall& call) {
    std::string here = at("fc_" + call.id) + ",";
    item("added", call_json(call, "in_progress", ""));
    for (const std::string& piece : cut_text(call.arguments, kArgumentPiece)) {
      add("response.function_call_arguments.delta", here + R"("delta":)" + quoted(piece),
          token_gap(behaviour_));
    }
    add("response.function_call_arguments.done", here + R"("arguments":)" + quoted(call.arguments));
    item("done", call_json(call, "completed", call.arguments));
    ++index_;
  }

  const Behaviour& behaviour_;
  const ResponsesRequest& request_;
  const Saying& saying_;
  Reply reply_;
  std::size_t index_ = 0;
};

/// Items of `input`: messages, calls and their outputs.
std::optional<Failure> read_items(Demand& demand, const json::array& items) {
  std::vector<std::string> open;
  for (const json::value& value : items) {
    const json::object* item = value.if_object();
    if (!item) {
      return invalid("An item of 'input' must be an object.");
    }
    std::string_view type = text_member(*item, "type").value_or("message");
    demand.after_tools = type == "function_call_output";
    if (type == "message") {
      std::string_view role = text_member(*item, "role").value_or("");
      if (role != "user" && role != "assistant" && role != "system" && role != "developer") {
        return invalid("A message needs a role.");
      }
      if (role == "user") {
        demand.heard(content_text(*item));
      }
    } else if (type == "function_call") {
      open.emplace_back(text_member(*item, "call_id").value_or(""));
    } else if (type == "function_call_output") {
      std::string id(text_member(*item, "call_id").value_or(""));
      auto call = std::find(open.begin(), open.end(), id);
      if (call == open.end()) {
        return invalid("No tool call found for function call output with call_id " + id + ".");
      }
      open.erase(call);
      demand.heard(text_member(*item, "output").value_or(""));
    }
  }
  if (!open.empty()) {
    return invalid("No tool output found for function call " + open.front() + ".");
  }
  return std::nullopt;
}

}  // namespace

std::variant<ResponsesRequest, Failure> read_responses(std::string_view text) {
  auto parsed = parse_object(text);
  if (!parsed) {
    return Failure{400, "invalid_json", "The body is not a JSON object."};
  }
  const json::object& body = *parsed;
  auto model = text_member(body, "model");
  if (!model) {
    return Failure{400, "missing_required_parameter", "Missing required parameter: 'model'."};
  }
  ResponsesRequest request;
  request.model = *model;
  request.stream = flag_member(body, "stream");
  request.background = flag_member(body, "background");
  const json::value* store = member(body, "store");
  request.store = !store || flag_member(body, "store");
  if (request.background && !request.store) {
    return invalid("'background' needs 'store'.");
  }
  request.previous = text_member(body, "previous_response_id").value_or("");
  request.demand.max_tokens = count_member(body, "max_output_tokens").value_or(SIZE_MAX);
  const json::value* input = member(body, "input");
  if (!input || (!input->is_string() && !input->is_array())) {
    return Failure{400, "missing_required_parameter", "Missing required parameter: 'input'."};
  }
  if (input->is_string()) {
    request.demand.heard(std::string_view(input->get_string()));
  } else if (auto failure = read_items(request.demand, input->get_array())) {
    return *failure;
  }
  if (auto failure = read_openai_tools(request.demand, body)) {
    return *failure;
  }
  const json::object* shape = object_member(body, "text");
  const json::object* format = shape ? object_member(*shape, "format") : nullptr;
  std::string_view type = format ? text_member(*format, "type").value_or("") : "";
  if (type == "json_schema") {
    const json::object* schema = object_member(*format, "schema");
    request.demand.schema = schema ? json::serialize(*schema) : "{}";
  } else if (type == "json_object") {
    request.demand.schema = R"({"type":"object","properties":{"answer":{"type":"string"}}})";
  }
  static constexpr std::pair<std::string_view, std::string_view> kEchoed[] = {
      {"instructions", "null"},
      {"max_output_tokens", "null"},
      {"metadata", "{}"},
      {"temperature", "1.0"},
      {"text", R"({"format":{"type":"text"}})"},
      {"tool_choice", "\"auto\""},
      {"tools", "[]"},
      {"top_p", "1.0"},
      {"truncation", "\"disabled\""},
      {"user", "null"}};
  for (const auto& [name, otherwise] : kEchoed) {
    const json::value* value = member(body, name);
    request.echo +=
        "," + quoted(name) + ":" + (value ? json::serialize(*value) : std::string(otherwise));
  }
  return request;
}

std::string ResponseStore::new_id(const std::string& wanted, bool unique) const {
  std::string id = wanted;
  for (std::size_t i = 2; unique && stored_.contains("resp_" + id); ++i) {
    id = wanted + "-" + std::to_string(i);
  }
  return id;
}

void ResponseStore::keep(const std::string& id, Stored stored) {
  if (stored_.insert_or_assign(id, std::move(stored)).second) {
    order_.push_back(id);
  }
  if (order_.size() > kMaxStored) {
    stored_.erase(order_.front());
    order_.pop_front();
  }
}

Reply ResponseStore::create(const Behaviour& behaviour, const ResponsesRequest& asked,
                            SteadyTime now) {
  ResponsesRequest request = asked;
  if (!request.previous.empty()) {
    auto before = stored_.find(request.previous);
    if (before == stored_.end()) {
      return error_reply(Protocol::Responses, behaviour,
                         {400, "previous_response_not_found",
                          "Previous response with id '" + request.previous + "' not found."});
    }
    request.demand.seed ^= before->second.request.demand.seed;
  }
  Stored stored{.request = request,
                .behaviour = behaviour,
                .saying = say(behaviour, request.demand),
                .begins = now,
                .ends = now};
  Saying& saying = stored.saying;
  if (request.background && behaviour.id.empty()) {
    saying.id = hex_of(request.demand.seed);
  }
  saying.id = new_id(saying.id, request.background);
  if (request.background) {
    stored.begins = now + behaviour.queue;
    stored.ends = stored.begins + behaviour.execution + token_gap(behaviour) * saying.tokens();
  }
  Reply reply = json_reply(Protocol::Responses, body_of(stored, now));
  if (!request.background) {
    reply.tokens = std::max<std::size_t>(1, saying.tokens());
  }
  if (request.stream) {
    reply = ResponseStream(behaviour, request, saying).make();
  }
  if (request.store) {
    keep("resp_" + saying.id, std::move(stored));
  }
  return reply;
}

std::string_view ResponseStore::status_of(const Stored& stored, SteadyTime now) {
  if (stored.cancelled) {
    return "cancelled";
  }
  if (now < stored.begins) {
    return "queued";
  }
  return now < stored.ends ? "in_progress" : end_status(stored.saying);
}

std::string ResponseStore::body_of(const Stored& stored, SteadyTime now) {
  return response_json(stored.behaviour, stored.request, stored.saying, status_of(stored, now));
}

Reply ResponseStore::look_up(std::string_view method, std::string_view rest, SteadyTime now) {
  constexpr std::string_view kCancel = "/cancel";
  bool cancel = method == "POST" && rest.ends_with(kCancel);
  if (cancel) {
    rest.remove_suffix(kCancel.size());
  }
  auto found = stored_.find(rest);
  if (found == stored_.end() || (!cancel && method != "GET" && method != "DELETE")) {
    return error_reply(Protocol::Responses, Behaviour{},
                       {404, "", "Response with id '" + std::string(rest) + "' not found."});
  }
  Stored& stored = found->second;
  if (cancel) {
    if (!stored.request.background) {
      return error_reply(Protocol::Responses, Behaviour{},
                         invalid("Only background responses can be cancelled."));
    }
    stored.cancelled = stored.cancelled || now < stored.ends;
  }
  if (method == "DELETE") {
    std::string body = R"({"id":)" + quoted(rest) + R"(,"object":"response","deleted":true})";
    std::erase(order_, found->first);
    stored_.erase(found);
    return json_reply(Protocol::Responses, std::move(body));
  }
  return json_reply(Protocol::Responses, body_of(stored, now));
}

void ResponseStore::forget() {
  stored_.clear();
  order_.clear();
}

}  // namespace headgate::sim
