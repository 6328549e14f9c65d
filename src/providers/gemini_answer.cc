// An answer is parts under candidates; what is zero or empty is left out by the vendor. A function
// call comes whole, and its turn ends with STOP like any other. Usage is a running total. Ids of
// calls are often missing: they get one made of the answer's own id and a running number.
#include "providers/gemini_answer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "providers/gemini_error.h"
#include "providers/gemini_json.h"

namespace headgate::providers {
namespace {

using model::ChatEvent;
using model::Finish;
using simdjson::SUCCESS;
using simdjson::dom::element;

constexpr std::uint64_t kMaxChoices = 16;
constexpr std::size_t kMaxIdLength = 24;  // so that a call's id keeps to OpenAI's 40 characters
constexpr std::string_view kCall = "call_";
constexpr int kInternal = 500;

std::string text_of(element object, std::string_view name) {
  std::string_view value;
  return object[name].get(value) == SUCCESS ? std::string(value) : std::string();
}

/// A count, 0 if it is left out.
std::int64_t count_of(element object, std::string_view name) {
  std::int64_t count = 0;
  return object[name].get(count) == SUCCESS ? count : 0;
}

ChatEvent event_of(ChatEvent::Type type, std::uint32_t choice) {
  ChatEvent event;
  event.type = type;
  event.choice = choice;
  return event;
}

ChatEvent finish_event(Finish finish, std::uint32_t choice) {
  ChatEvent event = event_of(ChatEvent::Type::Finish, choice);
  event.finish = finish;
  return event;
}

Error incomplete() {
  return upstream_failed("The model server ended its answer before it was complete.",
                         "answer ended without finishReason");
}

model::Usage usage_of(element told) {
  const std::int64_t thoughts = count_of(told, "thoughtsTokenCount");
  return {.input_tokens =
              count_of(told, "promptTokenCount") + count_of(told, "toolUsePromptTokenCount"),
          .output_tokens = count_of(told, "candidatesTokenCount") + thoughts,
          .cached_tokens = count_of(told, "cachedContentTokenCount"),
          .cache_write_tokens = -1,
          .reasoning_tokens = thoughts};
}

/// The arguments of all function calls in `json`, a response or an array of them that parses, as
/// the model wrote them; "{}" for none.
void collect_arguments(simdjson::ondemand::value response, std::vector<std::string>& out) {
  simdjson::ondemand::array candidates;
  if (response["candidates"].get_array().get(candidates) != SUCCESS) {
    return;
  }
  for (auto candidate : candidates) {
    simdjson::ondemand::array parts;
    if (candidate["content"]["parts"].get_array().get(parts) != SUCCESS) {
      continue;
    }
    for (auto part : parts) {
      simdjson::ondemand::object call;
      if (part["functionCall"].get_object().get(call) != SUCCESS) {
        continue;
      }
      simdjson::ondemand::object arguments;
      std::string_view raw;
      const bool has_raw = call["args"].get_object().get(arguments) == SUCCESS &&
                           arguments.raw_json().get(raw) == SUCCESS;
      out.emplace_back(has_raw ? raw : "{}");
    }
  }
}

std::vector<std::string> arguments_in(std::string_view json) {
  std::vector<std::string> out;
  if (json.find("functionCall") == std::string_view::npos) {
    return out;
  }
  const simdjson::padded_string padded(json);
  simdjson::ondemand::parser parser;
  simdjson::ondemand::document document;
  if (parser.iterate(padded).get(document) != SUCCESS) {
    return out;
  }
  simdjson::ondemand::value value;
  simdjson::ondemand::array responses;
  simdjson::ondemand::json_type type{};
  if (document.type().get(type) != SUCCESS) {
    return out;
  }
  if (type == simdjson::ondemand::json_type::array) {
    if (document.get_array().get(responses) == SUCCESS) {
      for (auto response : responses) {
        if (response.get(value) == SUCCESS) {
          collect_arguments(value, out);
        }
      }
    }
  } else if (document.get_value().get(value) == SUCCESS) {
    collect_arguments(value, out);
  }
  return out;
}

/// Why the model stopped; None: it broke a function call off.
Finish finish_of(std::string_view reason) {
  constexpr std::array kFiltered = {"SAFETY",
                                    "RECITATION",
                                    "BLOCKLIST",
                                    "PROHIBITED_CONTENT",
                                    "SPII",
                                    "IMAGE_SAFETY",
                                    "IMAGE_PROHIBITED_CONTENT",
                                    "IMAGE_RECITATION"};
  constexpr std::array kBroken = {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL",
                                  "TOO_MANY_TOOL_CALLS"};
  if (reason == "MAX_TOKENS" || reason == "CONTINUATION") {
    return Finish::Length;
  }
  if (std::ranges::find(kFiltered, reason) != kFiltered.end()) {
    return Finish::ContentFilter;
  }
  return std::ranges::find(kBroken, reason) != kBroken.end() ? Finish::None : Finish::Stop;
}

void append_token(element candidate, std::string& out) {
  const std::string token = text_of(candidate, "token");
  double logprob = 0;
  static_cast<void>(candidate["logProbability"].get(logprob));  // left out when it is zero
  add_text(out, "token", token);
  add_number(out, "logprob", logprob);
  begin_member(out, "bytes");
  out.push_back('[');
  for (const char byte : token) {
    begin_element(out);
    append_number(out, static_cast<int>(static_cast<unsigned char>(byte)));
  }
  out.push_back(']');
}

/// A LogprobsResult in OpenAI's form, or "".
std::string logprobs_of(element candidate) {
  element result;
  simdjson::dom::array chosen;
  if (candidate["logprobsResult"].get(result) != SUCCESS ||
      result["chosenCandidates"].get(chosen) != SUCCESS) {
    return {};
  }
  simdjson::dom::array top;
  const bool has_top = result["topCandidates"].get(top) == SUCCESS;
  std::string out = R"({"content":[)";
  std::size_t position = 0;
  for (const element token : chosen) {
    begin_element(out);
    out.push_back('{');
    append_token(token, out);
    begin_member(out, "top_logprobs");
    out.push_back('[');
    simdjson::dom::array others;
    if (has_top && top.at(position)["candidates"].get(others) == SUCCESS) {
      for (const element other : others) {
        begin_element(out);
        out.push_back('{');
        append_token(other, out);
        out.push_back('}');
      }
    }
    out.append("]}");
    ++position;
  }
  out.append(R"(],"refusal":null})");
  return out;
}

}  // namespace

Result<void> GeminiAnswer::take(std::string_view json, std::vector<ChatEvent>& events) {
  element root;
  if (parser_.parse(json.data(), json.size()).get(root) != SUCCESS) {
    return {};
  }
  arguments_ = arguments_in(json);
  next_arguments_ = 0;
  simdjson::dom::array responses;
  if (root.get(responses) != SUCCESS) {
    return take_response(root, events);
  }
  for (const element response : responses) {
    if (auto taken = take_response(response, events); !taken) {
      return taken;
    }
  }
  return {};
}

Result<void> GeminiAnswer::take_response(element response, std::vector<ChatEvent>& events) {
  if (!response.is_object()) {
    return {};
  }
  element error;
  if (response["error"].get(error) == SUCCESS && error.is_object()) {
    std::int64_t code = kInternal;
    static_cast<void>(error["code"].get(code));
    return fail(decode_gemini_error(static_cast<int>(code), "", simdjson::minify(response)));
  }
  if (!started_) {
    started_ = true;
    const std::string id = text_of(response, "responseId");
    call_prefix_ = kCall;
    std::ranges::copy_if(std::string_view(id).substr(0, kMaxIdLength),
                         std::back_inserter(call_prefix_), [](char c) {
                           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                                  (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
                         });
    if (call_prefix_.size() > kCall.size()) {
      call_prefix_.push_back('_');
    }
    ChatEvent start = event_of(ChatEvent::Type::Start, 0);
    start.id = id;
    start.name = text_of(response, "modelVersion");
    events.push_back(std::move(start));
  }
  simdjson::dom::array candidates;
  if (response["candidates"].get(candidates) == SUCCESS && candidates.size() > 0) {
    for (const element candidate : candidates) {
      if (auto taken = take_candidate(candidate, events); !taken) {
        return taken;
      }
    }
  } else {
    take_blocked(response, events);
  }
  element usage;
  if (response["usageMetadata"].get(usage) == SUCCESS && usage.is_object() &&
      (usage["promptTokenCount"].error() == SUCCESS ||
       usage["totalTokenCount"].error() == SUCCESS)) {
    ChatEvent total = event_of(ChatEvent::Type::Usage, 0);
    total.usage = usage_of(usage);
    events.push_back(std::move(total));
  }
  return {};
}

void GeminiAnswer::take_blocked(element response, std::vector<ChatEvent>& events) {
  std::string_view reason;
  if (response["promptFeedback"]["blockReason"].get(reason) != SUCCESS) {
    return;
  }
  choices_.resize(std::max<std::size_t>(choices_.size(), 1));
  for (std::uint32_t i = 0; i < choices_.size(); ++i) {
    if (!std::exchange(choices_[i].finished, true)) {
      events.push_back(finish_event(Finish::ContentFilter, i));
    }
  }
}

Result<void> GeminiAnswer::take_candidate(element candidate, std::vector<ChatEvent>& events) {
  const auto told = static_cast<std::uint64_t>(count_of(candidate, "index"));
  if (!candidate.is_object() || told >= kMaxChoices) {
    return {};
  }
  const auto index = static_cast<std::uint32_t>(told);
  choices_.resize(std::max<std::size_t>(choices_.size(), index + 1));
  simdjson::dom::array parts;
  if (candidate["content"]["parts"].get(parts) == SUCCESS) {
    for (const element part : parts) {
      if (auto taken = take_part(part, index, events); !taken) {
        return taken;
      }
    }
  }
  if (std::string logprobs = logprobs_of(candidate); !logprobs.empty()) {
    events.push_back(event_of(ChatEvent::Type::Logprobs, index));
    events.back().text = std::move(logprobs);
  }
  return take_finish(candidate, index, events);
}

Result<void> GeminiAnswer::take_part(element part, std::uint32_t index,
                                     std::vector<ChatEvent>& events) {
  Choice& choice = choices_[index];
  const std::size_t before = events.size();
  element inner;
  if (part["functionCall"].get(inner) == SUCCESS && inner.is_object()) {
    take_call(inner, text_of(part, "thoughtSignature"), index, events);
    choice.last = ChatEvent::Type::ToolCall;
    choice.produced = true;
  } else if (part["inlineData"].get(inner) == SUCCESS && inner.is_object()) {
    events.push_back(event_of(ChatEvent::Type::Image, index));
    events.back().text = text_of(inner, "data");
    events.back().name = text_of(inner, "mimeType");
    events.back().signature = text_of(part, "thoughtSignature");
    choice.last = ChatEvent::Type::Image;
    choice.produced = true;
  } else {
    take_text(part, index, events);
  }
  if (choice.finished && events.size() > before) {
    events.resize(before);
    return fail(upstream_failed("The model server went on with an answer that it had ended.",
                                "parts behind finishReason"));
  }
  return {};
}

void GeminiAnswer::take_text(element part, std::uint32_t index, std::vector<ChatEvent>& events) {
  Choice& choice = choices_[index];
  std::string text = text_of(part, "text");
  std::string signature = text_of(part, "thoughtSignature");
  bool is_thought = false;
  static_cast<void>(part["thought"].get(is_thought));
  const auto type = is_thought ? ChatEvent::Type::Reasoning : ChatEvent::Type::Text;
  if (text.empty()) {
    // A signature alone is of what came just before.
    const bool has_owner =
        choice.last == ChatEvent::Type::Text || choice.last == ChatEvent::Type::Reasoning;
    if (!signature.empty() && has_owner && !choice.finished) {
      events.push_back(event_of(choice.last, index));
      events.back().signature = std::move(signature);
    }
    return;
  }
  choice.last = type;
  choice.produced = choice.produced || !is_thought;
  events.push_back(event_of(type, index));
  events.back().text = std::move(text);
  events.back().signature = std::move(signature);
}

void GeminiAnswer::take_call(element call, std::string signature, std::uint32_t index,
                             std::vector<ChatEvent>& events) {
  std::string id = text_of(call, "id");
  if (id.empty()) {
    id = call_prefix_ + std::to_string(calls_);
  }
  ++calls_;
  const std::uint32_t number = choices_[index].calls++;
  ChatEvent begin = event_of(ChatEvent::Type::ToolCall, index);
  begin.index = number;
  begin.id = std::move(id);
  begin.name = text_of(call, "name");
  begin.signature = std::move(signature);
  events.push_back(std::move(begin));
  const bool is_there = next_arguments_ < arguments_.size();
  ChatEvent whole = event_of(ChatEvent::Type::ToolArguments, index);
  whole.index = number;
  whole.text = is_there ? std::move(arguments_[next_arguments_++]) : "{}";
  events.push_back(std::move(whole));
}

Result<void> GeminiAnswer::take_finish(element candidate, std::uint32_t index,
                                       std::vector<ChatEvent>& events) {
  Choice& choice = choices_[index];
  std::string_view reason;
  if (choice.finished || candidate["finishReason"].get(reason) != SUCCESS) {
    return {};
  }
  Finish finish = finish_of(reason);
  if (finish == Finish::None) {
    if (!choice.produced) {
      Error error = upstream_failed("The model failed to call a tool properly.",
                                    "finishReason " + std::string(reason.substr(0, 64)));
      error.code = kUnusableAnswer;
      return fail(std::move(error));
    }
    finish = Finish::Stop;
  }
  if (finish == Finish::Stop && choice.calls > 0) {
    finish = Finish::ToolCalls;
  }
  choice.finished = true;
  events.push_back(finish_event(finish, index));
  return {};
}

Result<void> GeminiAnswer::finish() const {
  const bool is_whole =
      !choices_.empty() &&
      std::ranges::all_of(choices_, [](const Choice& choice) { return choice.finished; });
  return is_whole ? Result<void>() : Result<void>(fail(incomplete()));
}

}  // namespace headgate::providers
