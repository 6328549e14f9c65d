#include "sim/answer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>

#include "sim/text.h"

// An answer is made in three layers: the content cut into tokens, the events (or the one JSON
// object) that carry it, and the bytes on the wire with their pace. Faults strike in the layer
// where a real server would show them.

namespace headgate::sim {
namespace {

using std::chrono::microseconds;

constexpr std::size_t kEchoPiece = 1024;

std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Simulated";
  }
}

struct ErrorNames {
  std::string_view openai_type;
  std::string_view openai_code;
  std::string_view vllm_type;
};

ErrorNames error_names(int status) {
  switch (status) {
    case 401:
      return {"invalid_request_error", "invalid_api_key", "AuthenticationError"};
    case 403:
      return {"permission_error", "", "PermissionDeniedError"};
    case 404:
      return {"invalid_request_error", "model_not_found", "NotFoundError"};
    case 413:
      return {"invalid_request_error", "request_too_large", "BadRequestError"};
    case 422:
      return {"invalid_request_error", "", "UnprocessableEntityError"};
    case 429:
      return {"requests", "rate_limit_exceeded", "RateLimitError"};
    case 503:
      return {"service_unavailable_error", "engine_overloaded", "ServiceUnavailableError"};
    case 504:
      return {"server_error", "timeout", "InternalServerError"};
    default:
      break;
  }
  return status < 500 ? ErrorNames{"invalid_request_error", "", "BadRequestError"}
                      : ErrorNames{"server_error", "", "InternalServerError"};
}

std::string error_body(const Behaviour& behaviour, int status, std::string_view code,
                       std::string_view message) {
  ErrorNames names = error_names(status);
  std::string body = R"({"error":{"message":)";
  append_json_string(body, message, HighBytes::Latin1);
  body += R"(,"type":")";
  body += behaviour.vllm_errors ? names.vllm_type : names.openai_type;
  body += R"(","param":null,"code":)";
  if (behaviour.vllm_errors) {
    body += std::to_string(status);
  } else if (code.empty()) {
    body += "null";
  } else {
    append_json_string(body, code, HighBytes::Latin1);
  }
  return body + "}}";
}

/// The content, one piece for each event.
std::vector<std::string> words(const Behaviour& behaviour, std::size_t limit) {
  static constexpr std::array<std::string_view, 12> kWords = {
      "the",  " gate", " stands", " between", " those",  " who",
      " ask", " and",  " those",  " that",    " answer", ","};
  std::size_t count = std::min(behaviour.token_count(), limit);
  std::vector<std::string> pieces;
  pieces.reserve(count);
  if (behaviour.answer_bytes == 0) {
    for (std::size_t i = 0; i < count; ++i) {
      pieces.emplace_back(kWords[i % kWords.size()]);
    }
    return pieces;
  }
  std::string text;
  for (std::size_t i = 0; text.size() < behaviour.answer_bytes; ++i) {
    text += kWords[i % kWords.size()];
  }
  text.resize(behaviour.answer_bytes);
  std::size_t total = std::max<std::size_t>(1, behaviour.token_count());
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t begin = text.size() * i / total;
    pieces.push_back(text.substr(begin, text.size() * (i + 1) / total - begin));
  }
  return pieces;
}

/// Pieces of about kEchoPiece bytes, never cut inside a UTF-8 character.
std::vector<std::string> cut_text(std::string_view text) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    std::size_t size = std::min(kEchoPiece, text.size());
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) {
      ++size;
    }
    pieces.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return pieces;
}

/// What the model says, and why it stops.
struct AnswerText {
  std::vector<std::string> pieces;
  std::string_view finish = "stop";
};

AnswerText make_content(const Behaviour& behaviour, const Question& question) {
  switch (behaviour.content) {
    case Content::RequestBody:
      return {.pieces = cut_text(question.body)};
    case Content::RequestHeaders:
      return {.pieces = cut_text(question.fields)};
    case Content::Words:
      break;
  }
  bool cut = question.max_tokens < behaviour.token_count();
  return {.pieces = words(behaviour, question.max_tokens), .finish = cut ? "length" : "stop"};
}

std::string usage(const Behaviour& behaviour, std::size_t tokens) {
  return R"({"prompt_tokens":)" + std::to_string(behaviour.prompt_tokens) +
         R"(,"completion_tokens":)" + std::to_string(tokens) + R"(,"total_tokens":)" +
         std::to_string(behaviour.prompt_tokens + tokens) + "}";
}

std::string opening(const Question& question) {
  static const std::string created = std::to_string(std::time(nullptr));
  bool chat = question.endpoint == Endpoint::Chat;
  std::string_view object = "text_completion";
  if (chat) {
    object = question.stream ? "chat.completion.chunk" : "chat.completion";
  }
  std::string text = chat ? R"({"id":"chatcmpl-sim","object":")" : R"({"id":"cmpl-sim","object":")";
  text.append(object).append(R"(","created":)").append(created).append(R"(,"model":)");
  append_json_string(text, question.model, HighBytes::Keep);
  text += R"(,"choices":[)";
  return text;
}

std::string whole_body(const Behaviour& behaviour, const Question& question,
                       const AnswerText& content) {
  std::string text;
  for (const std::string& piece : content.pieces) {
    text += piece;
  }
  std::string body = opening(question);
  bool chat = question.endpoint == Endpoint::Chat;
  body += chat ? R"({"index":0,"message":{"role":"assistant","content":)" : R"({"index":0,"text":)";
  append_json_string(body, text, HighBytes::Keep);
  body += chat ? R"(,"refusal":null},"logprobs":null,"finish_reason":")"
               : R"(,"logprobs":null,"finish_reason":")";
  body.append(content.finish).append("\"}]");
  if (!behaviour.usage_missing) {
    body += R"(,"usage":)" + usage(behaviour, content.pieces.size());
  }
  return body + "}";
}

struct Event {
  std::string data;
  microseconds delay{0};  ///< after the event before it
};

std::vector<Event> make_events(const Behaviour& behaviour, const Question& question,
                               const AnswerText& content) {
  bool chat = question.endpoint == Endpoint::Chat;
  bool with_usage = question.include_usage && !behaviour.usage_missing;
  std::string start = opening(question);
  std::string end = with_usage ? R"(}],"usage":null})" : "}]}";
  std::string open_end = R"(,"logprobs":null,"finish_reason":null)" + end;
  microseconds gap{0};
  if (behaviour.tokens_per_second > 0) {
    gap = microseconds(static_cast<std::int64_t>(1e6 / behaviour.tokens_per_second));
  }

  std::vector<Event> events;
  if (chat) {
    events.push_back({start +
                      R"({"index":0,"delta":{"role":"assistant","content":"","refusal":null})" +
                      open_end});
  }
  for (const std::string& piece : content.pieces) {
    std::string data =
        start + (chat ? R"({"index":0,"delta":{"content":)" : R"({"index":0,"text":)");
    append_json_string(data, piece, HighBytes::Keep);
    data += chat ? "}" : "";
    events.push_back({data + open_end, gap});
  }
  events.push_back({start + (chat ? R"({"index":0,"delta":{})" : R"({"index":0,"text":"")") +
                    R"(,"logprobs":null,"finish_reason":")" + std::string(content.finish) + "\"" +
                    end});
  if (with_usage) {
    events.push_back({start + R"(],"usage":)" + usage(behaviour, content.pieces.size()) + "}"});
  }
  events.front().delay += behaviour.first_token;

  std::size_t at = behaviour.fault_at;
  bool inside = at >= 1 && at <= events.size();
  if (behaviour.fault == Fault::Malformed && inside) {
    events[at - 1].data.resize(events[at - 1].data.size() / 2);
  }
  if (behaviour.fault == Fault::ErrorEvent && inside) {
    events.resize(at);
    events.back().data = error_body(behaviour, 500, "", "The simulated model failed.");
  } else if (behaviour.fault != Fault::NoDone) {
    events.push_back({"[DONE]"});
  }
  return events;
}

struct HeadParts {
  int status = 200;
  std::string_view content_type = "application/json";
  std::string_view extra_fields = {};
  std::string framing_fields = {};
  bool close = false;
};

void write_head(Script& script, const Behaviour& behaviour, const HeadParts& parts) {
  std::string& head = script.head;
  if (behaviour.early_hints) {
    head += "HTTP/1.1 103 Early Hints\r\nlink: </sim>; rel=preload\r\n\r\n";
  }
  head += "HTTP/1.1 " + std::to_string(parts.status) + " ";
  head.append(reason(parts.status)).append("\r\ncontent-type: ").append(parts.content_type);
  head += "\r\nx-request-id: req_sim";
  script.number_at = head.size();
  head.append(kNumberDigits, '0');
  head += "\r\nopenai-processing-ms: 1\r\nopenai-version: 2020-10-01\r\n";
  head.append(parts.extra_fields).append(parts.framing_fields);
  if (behaviour.big_header > 0) {
    head.append("x-big: ").append(behaviour.big_header, 'b').append("\r\n");
  }
  if (parts.close) {
    head += "connection: close\r\n";
  }
  head += "\r\n";
  script.drip = behaviour.drip;
  script.byte_gap = behaviour.byte_gap;
  script.ending = parts.close ? Ending::Close : Ending::KeepAlive;
}

void append_chunk(std::string& out, std::string_view data) {
  std::array<char, 20> size{};
  auto end = std::to_chars(size.data(), size.data() + size.size(), data.size(), 16).ptr;
  out.append(size.data(), end).append("\r\n").append(data).append("\r\n");
}

void frame_body(HeadParts& parts, Script& script, const Behaviour& behaviour,
                const Question& question, std::string body) {
  std::string length = std::to_string(body.size());
  std::string longer = std::to_string(body.size() + 10);
  Framing framing = behaviour.framing;
  if (question.http10 && framing == Framing::Chunks) {
    framing = Framing::Length;
  }
  switch (behaviour.fault) {
    case Fault::BadLength:
      parts.framing_fields = "content-length: " + length + "x\r\n";
      break;
    case Fault::TwoLengths:
      parts.framing_fields = "content-length: " + length + "\r\ncontent-length: " + longer + "\r\n";
      break;
    case Fault::ShortBody:
      parts.framing_fields = "content-length: " + longer + "\r\n";
      break;
    case Fault::LengthAndChunks:
      parts.framing_fields = "content-length: " + length + "\r\ntransfer-encoding: chunked\r\n";
      framing = Framing::Chunks;
      break;
    default:
      if (framing == Framing::Length) {
        parts.framing_fields = "content-length: " + length + "\r\n";
      } else if (framing == Framing::Chunks) {
        parts.framing_fields = "transfer-encoding: chunked\r\n";
      }
      break;
  }
  parts.close = parts.close || behaviour.close || question.close || framing == Framing::UntilClose;
  if (framing == Framing::Chunks) {
    append_chunk(script.body, body);
    script.body += "0\r\n\r\n";
  } else {
    script.body = std::move(body);
  }
}

/// Ends `script` after `until` bytes.
void end_at(Script& script, std::size_t until, Ending ending) {
  script.ending = ending;
  script.broken = true;
  script.body.resize(until > script.head.size() ? until - script.head.size() : 0);
  script.head.resize(std::min(until, script.head.size()));
  while (script.steps.size() > 1 && script.steps[script.steps.size() - 2].until >= until) {
    script.steps.pop_back();
  }
  script.steps.back().until = std::min(script.steps.back().until, until);
}

/// Faults that cut the bytes short; `after_events` is where event `fault_at` ended.
void strike_wire(Script& script, const Behaviour& behaviour, std::size_t after_events) {
  switch (behaviour.fault) {
    case Fault::Reset:
      end_at(script, behaviour.fault_at == 0 ? 0 : after_events, Ending::Reset);
      break;
    case Fault::Silence:
      end_at(script, 0, Ending::Hang);
      break;
    case Fault::Stall:
      end_at(script, after_events, Ending::Hang);
      break;
    case Fault::Cut:
      end_at(script, after_events, Ending::Close);
      break;
    case Fault::HalfHead:
      end_at(script, script.head.size() / 2, Ending::Close);
      break;
    case Fault::ShortBody:
      script.ending = Ending::Close;
      script.broken = true;
      break;
    case Fault::LongBody:
      script.body += "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nunasked-9";
      script.steps.back().until = script.size();
      break;
    default:
      break;
  }
}

Script make_whole(const Behaviour& behaviour, const Question& question, HeadParts parts,
                  std::string body, microseconds delay) {
  Script script;
  frame_body(parts, script, behaviour, question, std::move(body));
  write_head(script, behaviour, parts);
  script.steps = {{.until = script.size(), .delay = delay}};
  return script;
}

Script make_stream(const Behaviour& behaviour, const Question& question,
                   const AnswerText& content) {
  bool chunks = !question.http10 && behaviour.framing != Framing::UntilClose;
  HeadParts parts{.content_type = "text/event-stream; charset=utf-8",
                  .extra_fields = "cache-control: no-cache\r\n"};
  if (chunks) {
    parts.framing_fields = "transfer-encoding: chunked\r\n";
  }
  switch (behaviour.fault) {
    case Fault::BadLength:
      parts.framing_fields = "content-length: 12x\r\n";
      break;
    case Fault::TwoLengths:
      parts.framing_fields = "content-length: 12\r\ncontent-length: 13\r\n";
      break;
    case Fault::LengthAndChunks:
      parts.framing_fields += "content-length: 12\r\n";
      break;
    default:
      break;
  }
  parts.close = behaviour.close || question.close || !chunks;
  Script script;
  write_head(script, behaviour, parts);

  bool paced = behaviour.first_token.count() > 0;
  script.steps.push_back({.until = script.head.size(), .delay = behaviour.latency});
  std::string_view line_end = behaviour.crlf ? "\r\n" : "\n";
  std::size_t after_events = script.head.size();
  std::size_t sent = 0;
  for (Event& event : make_events(behaviour, question, content)) {
    std::string text = behaviour.pings ? ": ping\n\n" : "";
    text.append("data: ").append(event.data).append(line_end).append(line_end);
    if (chunks) {
      append_chunk(script.body, text);
    } else {
      script.body += text;
    }
    bool own_write = behaviour.flush || event.delay.count() > 0 || (paced && sent == 0);
    if (own_write) {
      script.steps.push_back({.until = script.size(), .delay = event.delay});
    }
    script.steps.back().until = script.size();
    if (++sent <= behaviour.fault_at) {
      after_events = script.size();
    }
  }
  if (chunks && behaviour.fault != Fault::ShortBody) {
    script.body += "0\r\n\r\n";
  }
  script.steps.back().until = script.size();
  strike_wire(script, behaviour, after_events);
  return script;
}

}  // namespace

Script make_json(const Behaviour& behaviour, const Question& question, int status,
                 std::string_view extra_fields, std::string body) {
  HeadParts parts{.status = status, .extra_fields = extra_fields};
  return make_whole(behaviour, question, std::move(parts), std::move(body), behaviour.latency);
}

Script make_error(const Behaviour& behaviour, const Question& question, int status,
                  std::string_view code, std::string_view message) {
  return make_json(behaviour, question, status, "", error_body(behaviour, status, code, message));
}

Script make_answer(const Behaviour& behaviour, const Question& question) {
  if (behaviour.status != 200 || (behaviour.fault == Fault::ErrorEvent && !question.stream)) {
    int status = behaviour.status == 200 ? 500 : behaviour.status;
    std::string fields;
    if (!behaviour.retry_after.empty()) {
      fields += "retry-after: " + behaviour.retry_after + "\r\n";
    }
    if (!behaviour.retry_after_ms.empty()) {
      fields += "retry-after-ms: " + behaviour.retry_after_ms + "\r\n";
    }
    std::string body = error_body(behaviour, status, error_names(status).openai_code,
                                  "Simulated error " + std::to_string(status) + " of model '" +
                                      std::string(question.model) + "'.");
    Script script = make_json(behaviour, question, status, fields, std::move(body));
    strike_wire(script, behaviour, script.size() / 2);
    return script;
  }
  if (behaviour.fault == Fault::Html) {
    HeadParts parts{.content_type = "text/html; charset=utf-8"};
    return make_whole(behaviour, question, std::move(parts),
                      "<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>\n",
                      behaviour.latency);
  }
  AnswerText content = make_content(behaviour, question);
  if (question.stream && question.endpoint != Endpoint::Embeddings) {
    return make_stream(behaviour, question, content);
  }
  microseconds delay = behaviour.latency + behaviour.first_token;
  if (behaviour.tokens_per_second > 0) {
    delay += microseconds(static_cast<std::int64_t>(static_cast<double>(content.pieces.size()) *
                                                    1e6 / behaviour.tokens_per_second));
  }
  std::string body = question.endpoint == Endpoint::Embeddings
                         ? std::string(question.embeddings)
                         : whole_body(behaviour, question, content);
  if (behaviour.fault == Fault::Malformed) {
    body.resize(body.size() / 2);
  }
  Script script = make_whole(behaviour, question, HeadParts{}, std::move(body), delay);
  strike_wire(script, behaviour, script.head.size() + script.body.size() / 2);
  return script;
}

}  // namespace headgate::sim
