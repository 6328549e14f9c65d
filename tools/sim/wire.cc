#include "sim/wire.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

// The last layer of an answer: the bytes on the wire with their pace. Faults strike in the layer
// where a real server would show them: the whole answer, one event, or the bytes.

namespace headgate::sim {
namespace {

using std::chrono::microseconds;
using namespace std::string_view_literals;

/// A NUL, half a character, and the beginning of a line that never ends.
constexpr std::string_view kGarbage =
    "\0\xff\xc3(data: {\"choices\":[\xf0\x9f}\n\n: \x80\r\r\n{{{"sv;
constexpr std::string_view kEventStream = "text/event-stream; charset=utf-8";

struct HeadParts {
  const Reply& reply;
  std::string_view content_type;
  std::string framing_fields = {};
  bool close = false;
};

void write_head(Script& script, const Behaviour& behaviour, const HeadParts& parts) {
  std::string& head = script.head;
  const Reply& reply = parts.reply;
  if (behaviour.early_hints) {
    head += "HTTP/1.1 103 Early Hints\r\nlink: </sim>; rel=preload\r\n\r\n";
  }
  script.status = reply.status;
  head += "HTTP/1.1 " + std::to_string(reply.status) + " ";
  head.append(reason_of(reply.status)).append("\r\n");
  if (reply.status != 204) {
    head.append("content-type: ")
        .append(behaviour.content_type.empty() ? parts.content_type : behaviour.content_type)
        .append("\r\n");
  }
  switch (reply.protocol) {
    case Protocol::OpenAi:
    case Protocol::Responses:
      head += "openai-processing-ms: 1\r\nopenai-version: 2020-10-01\r\nx-request-id: req_sim";
      break;
    case Protocol::Anthropic:
      head += "anthropic-organization-id: org-sim\r\nrequest-id: req_sim";
      break;
    case Protocol::Gemini:
    case Protocol::RunPod:
      head += "x-sim-request: ";
      break;
  }
  script.number_at = head.size();
  head.append(kNumberDigits, '0').append("\r\n");
  head.append(reply.fields).append(parts.framing_fields);
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
  auto* end = std::to_chars(size.data(), size.data() + size.size(), data.size(), 16).ptr;
  out.append(size.data(), end).append("\r\n").append(data).append("\r\n");
}

void frame_body(HeadParts& parts, Script& script, const Behaviour& behaviour, const Manner& manner,
                std::string body) {
  if (parts.reply.status == 204) {
    parts.close = behaviour.close || manner.close;
    return;
  }
  std::string length = std::to_string(body.size());
  std::string longer = std::to_string(body.size() + 10);
  Framing framing = behaviour.framing;
  if (manner.http10 && framing == Framing::Chunks) {
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
  parts.close = behaviour.close || manner.close || framing == Framing::UntilClose;
  if (framing == Framing::Chunks) {
    append_chunk(script.body, body);
    script.body += "0\r\n\r\n";
  } else {
    script.body = std::move(body);
  }
}

/// Ends `script` after `until` bytes.
void end_at(Script& script, std::size_t until, Ending ending) {
  until = std::min(until, script.size());
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
  bool bytes = behaviour.fault_unit == FaultUnit::Bytes;
  std::size_t here = bytes ? script.head.size() + behaviour.fault_at : after_events;
  switch (behaviour.fault) {
    case Fault::Reset:
      end_at(script, behaviour.fault_at == 0 && !bytes ? 0 : here, Ending::Reset);
      break;
    case Fault::Silence:
      end_at(script, 0, Ending::Hang);
      break;
    case Fault::Stall:
      end_at(script, here, Ending::Hang);
      break;
    case Fault::Cut:
      end_at(script, here, Ending::Close);
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

/// Faults that put another answer in the place of the healthy one.
void strike_reply(Reply& reply, const Behaviour& behaviour, std::string_view model) {
  Protocol protocol = reply.protocol;
  bool stream = !reply.events.empty();
  bool refused = behaviour.status != 200;
  if (refused || (behaviour.fault == Fault::ErrorEvent && !stream)) {
    reply = error_reply(protocol, behaviour, simulated_failure(protocol, behaviour, model));
    return;
  }
  if (behaviour.fault == Fault::ErrorBody) {
    reply = json_reply(
        protocol, error_body(protocol, behaviour, simulated_failure(protocol, behaviour, model)));
    return;
  }
  if (behaviour.fault == Fault::Html) {
    reply = json_reply(protocol, "<!DOCTYPE html><html><body><h1>Welcome</h1></body></html>\n");
    reply.content_type = "text/html; charset=utf-8";
    return;
  }
  if (behaviour.fault == Fault::Empty || behaviour.fault == Fault::Garbage) {
    const bool array = reply.json_array;
    reply = json_reply(protocol,
                       behaviour.fault == Fault::Empty ? std::string() : std::string(kGarbage));
    if (stream && !array) {
      reply.content_type = kEventStream;
    }
    return;
  }
  if (behaviour.fault == Fault::Malformed && !stream) {
    reply.body.resize(reply.body.size() / 2);
  }
}

/// Where in `events` the event with this number is, counted from 1 and without pings.
std::size_t place_of(const std::vector<Event>& events, std::size_t number) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (!events[i].ping && ++seen == number) {
      return i;
    }
  }
  return Reply::kNowhere;
}

void strike_events(Reply& reply, const Behaviour& behaviour) {
  std::vector<Event>& events = reply.events;
  std::size_t place = place_of(events, behaviour.fault_at);
  bool inside = place != Reply::kNowhere && place != reply.end_mark;
  switch (behaviour.fault) {
    case Fault::Malformed:
      if (inside) {
        events[place].data.resize(events[place].data.size() / 2);
      }
      break;
    case Fault::ErrorEvent: {
      if (!inside) {
        break;
      }
      events.resize(place + 1);
      Failure failure{500, "", "The simulated model failed."};
      if (reply.protocol == Protocol::Anthropic) {
        failure = {529, "", "Overloaded"};
      } else if (reply.protocol == Protocol::Gemini) {
        failure = {503, "", "The model is overloaded. Please try again later."};
      }
      events.back().data = error_event(reply.protocol, behaviour, failure);
      if (!events.back().name.empty()) {
        events.back().name = "error";
      }
      if (behaviour.vllm_errors && reply.protocol == Protocol::OpenAi) {
        events.push_back({.data = "[DONE]"});
      }
      break;
    }
    case Fault::NoDone:
      events.resize(std::min(events.size(), reply.end_mark));
      break;
    case Fault::NoFinish:
      events.resize(std::min(events.size(), reply.finish_at));
      break;
    default:
      break;
  }
}

std::string event_text(const Reply& reply, const Behaviour& behaviour, const Event& event,
                       std::string_view lead) {
  std::string_view line_end = reply.crlf || behaviour.crlf ? "\r\n" : "\n";
  std::string text;
  if (reply.json_array) {
    return text.append(lead).append(event.data);
  }
  if (behaviour.pings && !event.ping) {
    text = reply.protocol == Protocol::Anthropic ? "event: ping\ndata: {\"type\":\"ping\"}\n\n"
                                                 : ": ping\n\n";
  }
  if (!event.name.empty()) {
    text.append("event: ").append(event.name).append(line_end);
  }
  return text.append("data: ").append(event.data).append(line_end).append(line_end);
}

Script make_whole(const Behaviour& behaviour, const Manner& manner, const Reply& reply) {
  HeadParts parts{.reply = reply, .content_type = reply.content_type};
  Script script;
  frame_body(parts, script, behaviour, manner, reply.body);
  write_head(script, behaviour, parts);
  microseconds delay = behaviour.latency;
  if (reply.tokens > 0) {
    delay += behaviour.first_token + token_gap(behaviour) * reply.tokens;
  }
  script.steps = {{.until = script.size(), .delay = delay}};
  bool head_only = behaviour.fault == Fault::Stall && behaviour.fault_at == 0;
  std::size_t body_size = head_only ? 0 : script.body.size() / 2;
  strike_wire(script, behaviour, script.head.size() + body_size);
  return script;
}

Script make_stream(const Behaviour& behaviour, const Manner& manner, Reply& reply) {
  bool chunks = !manner.http10 && behaviour.framing != Framing::UntilClose;
  HeadParts parts{
      .reply = reply,
      .content_type = reply.json_array ? "application/json; charset=UTF-8" : kEventStream};
  reply.fields += "cache-control: no-cache\r\n";
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
  parts.close = behaviour.close || manner.close || !chunks;
  Script script;
  write_head(script, behaviour, parts);
  auto append = [&](std::string_view text) {
    if (chunks) {
      append_chunk(script.body, text);
    } else {
      script.body += text;
    }
  };

  strike_events(reply, behaviour);
  if (!reply.events.empty()) {
    reply.events.front().delay += behaviour.first_token;
  }
  bool paced = behaviour.first_token.count() > 0;
  script.steps.push_back({.until = script.head.size(), .delay = behaviour.latency});
  std::size_t after_events = script.head.size();
  std::size_t counted = 0;
  for (std::size_t i = 0; i < reply.events.size(); ++i) {
    const Event& event = reply.events[i];
    append(event_text(reply, behaviour, event, i == 0 ? "[" : ",\r\n"));
    if (behaviour.flush || event.delay.count() > 0 || (paced && i == 0)) {
      script.steps.push_back({.until = script.size(), .delay = event.delay});
    }
    script.steps.back().until = script.size();
    counted += event.ping ? 0 : 1;
    if (counted <= behaviour.fault_at && behaviour.fault_at > 0) {
      after_events = script.size();
    }
  }
  if (reply.json_array) {
    append("]");
  }
  if (chunks && behaviour.fault != Fault::ShortBody) {
    script.body += "0\r\n\r\n";
  }
  script.steps.back().until = script.size();
  strike_wire(script, behaviour, after_events);
  return script;
}

}  // namespace

microseconds token_gap(const Behaviour& behaviour) {
  return behaviour.tokens_per_second > 0
             ? microseconds(static_cast<std::int64_t>(1e6 / behaviour.tokens_per_second))
             : microseconds(0);
}

Reply struck_reply(const Behaviour& behaviour, std::string_view model, Reply reply) {
  strike_reply(reply, behaviour, model);
  strike_events(reply, behaviour);
  return reply;
}

std::string stream_text(const Behaviour& behaviour, const Reply& reply) {
  std::string text;
  for (const Event& event : reply.events) {
    text += event_text(reply, behaviour, event, text.empty() ? "[" : ",\r\n");
  }
  return reply.json_array ? text + "]" : text;
}

Reply json_reply(Protocol protocol, std::string body) {
  return {.protocol = protocol, .body = std::move(body)};
}

Reply error_reply(Protocol protocol, const Behaviour& behaviour, const Failure& failure) {
  return {.protocol = protocol,
          .status = failure.status,
          .fields = retry_fields(behaviour),
          .body = error_body(protocol, behaviour, failure)};
}

Script make_script(const Behaviour& behaviour, const Manner& manner, std::string_view model,
                   Reply reply) {
  strike_reply(reply, behaviour, model);
  return reply.events.empty() ? make_whole(behaviour, manner, reply)
                              : make_stream(behaviour, manner, reply);
}

}  // namespace headgate::sim
