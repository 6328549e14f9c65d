#include "sim/behaviour.h"

#include <algorithm>

#include "sim/text.h"

namespace headgate::sim {
namespace {

constexpr std::size_t kMaxTokens = 1'000'000;
constexpr std::size_t kDefaultTokens = 16;
constexpr std::size_t kBytesPerToken = 4;
constexpr std::size_t kMaxBigHeader = std::size_t{16} << 20;

template <typename Value, typename Target>
bool set(Target& target, std::optional<Value> value) {
  if (!value) {
    return false;
  }
  target = static_cast<Target>(*value);
  return true;
}

template <Fault fault>
bool strike(Behaviour& behaviour, std::string_view) {
  behaviour.fault = fault;
  return true;
}

/// A fault with the number of an event; `fallback` applies when none is given.
template <Fault fault, std::size_t fallback, FaultUnit unit = FaultUnit::Events>
bool strike_at(Behaviour& behaviour, std::string_view value) {
  behaviour.fault = fault;
  behaviour.fault_unit = unit;
  behaviour.fault_at = fallback;
  return value.empty() || set(behaviour.fault_at, parse_count(value, kMaxTokens));
}

template <bool Behaviour::* flag>
bool raise(Behaviour& behaviour, std::string_view) {
  behaviour.*flag = true;
  return true;
}

template <Framing framing>
bool frame(Behaviour& behaviour, std::string_view) {
  behaviour.framing = framing;
  return true;
}

template <Content content>
bool show(Behaviour& behaviour, std::string_view) {
  behaviour.content = content;
  return true;
}

bool set_rate(Behaviour& behaviour, std::string_view value) {
  auto rate = parse_count(value, 1'000'000);
  return set(behaviour.tokens_per_second, rate);
}

bool set_status(Behaviour& behaviour, std::string_view value) {
  auto status = parse_count(value, 599);
  return status && *status >= 200 && set(behaviour.status, status);
}

/// Header values come from model names: nothing that could end the line.
bool set_field(std::string& target, std::string_view value) {
  bool printable = std::all_of(value.begin(), value.end(), [](char c) { return c >= 32; });
  target = value;
  return printable;
}

template <std::string Behaviour::* field>
bool write(Behaviour& behaviour, std::string_view value) {
  return set_field(behaviour.*field, value);
}

template <std::chrono::microseconds Behaviour::* time>
bool wait(Behaviour& behaviour, std::string_view value) {
  return set(behaviour.*time, parse_duration(value));
}

template <std::size_t Behaviour::* number>
bool count(Behaviour& behaviour, std::string_view value) {
  return set(behaviour.*number, parse_count(value, kMaxTokens));
}

bool set_created(Behaviour& behaviour, std::string_view value) {
  return set(behaviour.created, parse_count(value, 4'102'444'800));
}

template <typename Value>
struct Word {
  std::string_view name;
  Value value;
};

template <typename Value, std::size_t size>
bool choose(Value& target, const Word<Value> (&words)[size], std::string_view name) {
  for (const Word<Value>& word : words) {
    if (word.name == name) {
      target = word.value;
      return true;
    }
  }
  return false;
}

bool set_cause(Behaviour& behaviour, std::string_view value) {
  static constexpr Word<Cause> kWords[] = {{"context", Cause::ContextLength},
                                           {"policy", Cause::ContentPolicy},
                                           {"quota", Cause::Quota},
                                           {"key", Cause::Key}};
  return choose(behaviour.cause, kWords, value);
}

bool set_job_end(Behaviour& behaviour, std::string_view value) {
  static constexpr Word<JobEnd> kWords[] = {
      {"completed", JobEnd::Completed}, {"failed", JobEnd::Failed}, {"timed-out", JobEnd::TimedOut},
      {"no-output", JobEnd::NoOutput},  {"lost", JobEnd::Lost},     {"stuck", JobEnd::Stuck}};
  return choose(behaviour.job_end, kWords, value);
}

bool set_drip(Behaviour& behaviour, std::string_view value) {
  behaviour.drip = true;
  return value.empty() || set(behaviour.byte_gap, parse_duration(value));
}

bool set_big_header(Behaviour& behaviour, std::string_view value) {
  behaviour.big_header = std::size_t{128} << 10;
  return value.empty() ||
         (set(behaviour.big_header, parse_size(value)) && behaviour.big_header <= kMaxBigHeader);
}

constexpr Parameter kParameters[] = {
    {"latency", "", "DURATION", "wait before the response head",
     [](Behaviour& b, std::string_view v) { return set(b.latency, parse_duration(v)); }},
    {"first-token", "slow-first-token", "DURATION", "wait between the head and the first event",
     [](Behaviour& b, std::string_view v) { return set(b.first_token, parse_duration(v)); }},
    {"tokens-per-second", "tps", "N", "pace of the content; 0: all at once", set_rate},
    {"tokens", "", "N", "tokens of content, one event each (16)",
     [](Behaviour& b, std::string_view v) {
       return (b.tokens = parse_count(v, kMaxTokens)).has_value();
     }},
    {"answer-bytes", "bytes", "SIZE", "exact size of the content, four bytes a token",
     [](Behaviour& b, std::string_view v) { return set(b.answer_bytes, parse_size(v)); }},
    {"prompt-tokens", "", "N", "prompt_tokens of the usage (9)",
     [](Behaviour& b, std::string_view v) {
       return set(b.prompt_tokens, parse_count(v, 1'000'000'000));
     }},
    {"dimensions", "", "N", "length of an embedding when the request does not say (1536)",
     [](Behaviour& b, std::string_view v) { return set(b.dimensions, parse_count(v, 65536)); }},
    {"content-length", "", "", "plain answers carry Content-Length (the default)",
     frame<Framing::Length>},
    {"chunked", "", "", "plain answers are chunked", frame<Framing::Chunks>},
    {"until-close", "", "", "answers and streams end with the connection",
     frame<Framing::UntilClose>},
    {"close", "", "", "Connection: close, and closed after the answer", raise<&Behaviour::close>},
    {"drip", "", "[DURATION]", "one byte a write, with this much time between two", set_drip},
    {"flush", "", "", "one write for each event, also without a pace", raise<&Behaviour::flush>},
    {"pings", "", "", "the comment `: ping` before each event", raise<&Behaviour::pings>},
    {"crlf", "", "", "lines of a stream end in CRLF", raise<&Behaviour::crlf>},
    {"early-hints", "", "", "a 103 before the response", raise<&Behaviour::early_hints>},
    {"echo", "", "", "the content is the received body, byte for byte", show<Content::RequestBody>},
    {"headers", "", "", "the content is the received header lines", show<Content::RequestHeaders>},
    {"usage-missing", "", "", "no usage, whatever was asked", raise<&Behaviour::usage_missing>},
    {"status", "", "CODE", "an error with this status, in the shape of OpenAI", set_status},
    {"retry-after", "", "VALUE", "Retry-After of the error",
     [](Behaviour& b, std::string_view v) { return set_field(b.retry_after, v); }},
    {"retry-after-ms", "", "VALUE", "retry-after-ms of the error",
     [](Behaviour& b, std::string_view v) { return set_field(b.retry_after_ms, v); }},
    {"retry-date", "", "DURATION", "Retry-After of the error as a date this far away",
     wait<&Behaviour::retry_date>},
    {"retry-info", "", "VALUE", "retryDelay of a Gemini error: 1.5s",
     write<&Behaviour::retry_info>},
    {"should-retry", "", "VALUE", "x-should-retry of the error", write<&Behaviour::should_retry>},
    {"because", "", "WORD", "why: context, policy, quota or key", set_cause},
    {"vllm-errors", "", "", "errors in the shape of vLLM: integer code, class name as type",
     raise<&Behaviour::vllm_errors>},
    {"times", "", "N", "only the first N requests see the fault or status, later ones do not",
     [](Behaviour& b, std::string_view v) {
       return set(b.fault_times, parse_count(v, 1'000'000));
     }},
    {"on", "", "OPERATION", "only this one sees the fault or status: chat, run, status, models, …",
     write<&Behaviour::fault_on>},
    {"reset", "", "[N]", "reset before the head, or after N events", strike_at<Fault::Reset, 0>},
    {"silence", "", "", "read the request, never answer", strike<Fault::Silence>},
    {"hang", "", "", "the same", strike<Fault::Silence>},
    {"stall", "", "[N]", "stop after N events (1), stay connected", strike_at<Fault::Stall, 1>},
    {"cut", "", "[N]", "close after N events (1)", strike_at<Fault::Cut, 1>},
    {"cut-bytes", "", "N", "close after N bytes of the body",
     strike_at<Fault::Cut, 0, FaultUnit::Bytes>},
    {"stall-bytes", "", "N", "stop after N bytes of the body",
     strike_at<Fault::Stall, 0, FaultUnit::Bytes>},
    {"reset-bytes", "", "N", "reset after N bytes of the body",
     strike_at<Fault::Reset, 0, FaultUnit::Bytes>},
    {"half-head", "", "", "close in the middle of the head", strike<Fault::HalfHead>},
    {"malformed", "truncated", "[N]", "event N (2), or the whole body, is half of its JSON",
     strike_at<Fault::Malformed, 2>},
    {"error-event", "", "[N]", "event N (2) is an error, and the last one",
     strike_at<Fault::ErrorEvent, 2>},
    {"no-done", "", "", "the stream ends without its end mark: [DONE], message_stop, …",
     strike<Fault::NoDone>},
    {"no-finish", "", "", "the stream ends before its finish reason, cleanly",
     strike<Fault::NoFinish>},
    {"bad-length", "", "", "Content-Length is not a number", strike<Fault::BadLength>},
    {"two-lengths", "", "", "two Content-Length fields that differ", strike<Fault::TwoLengths>},
    {"length-and-chunks", "", "", "Content-Length and Transfer-Encoding together",
     strike<Fault::LengthAndChunks>},
    {"short-body", "", "", "closed ten bytes before the promised length", strike<Fault::ShortBody>},
    {"long-body", "", "", "a second response nobody asked for after the answer",
     strike<Fault::LongBody>},
    {"html200", "", "", "200 with an HTML page", strike<Fault::Html>},
    {"error200", "", "", "200 with an error object", strike<Fault::ErrorBody>},
    {"empty", "", "", "200 without a body, or a stream without events", strike<Fault::Empty>},
    {"garbage", "", "", "200 with bytes that are no text", strike<Fault::Garbage>},
    {"content-type", "", "VALUE", "instead of the right one", write<&Behaviour::content_type>},
    {"big-header", "", "[SIZE]", "a response field of this size (128KiB)", set_big_header},
    {"vary", "", "", "text and ids follow from the prompt: its user and tool texts",
     raise<&Behaviour::vary>},
    {"id", "", "TEXT", "id of every answer, after its prefix", write<&Behaviour::id>},
    {"created", "", "N", "time of every answer, in seconds (1700000000)", set_created},
    {"cached-tokens", "", "N", "how many of the prompt's tokens were cached",
     count<&Behaviour::cached_tokens>},
    {"reasoning", "", "N", "tokens of thought before the answer", count<&Behaviour::reasoning>},
    {"reasoning-field", "", "NAME", "where chat shows them (reasoning_content)",
     write<&Behaviour::reasoning_field>},
    {"calls", "", "N", "tools called when some are given (1); 0: answered in words",
     count<&Behaviour::calls>},
    {"refusal", "", "", "the model refuses; Gemini blocks the prompt", raise<&Behaviour::refusal>},
    {"no-prefill", "", "", "a last turn of the assistant is refused",
     raise<&Behaviour::no_prefill>},
    {"unsigned-calls", "", "", "Gemini takes calls back without their thoughtSignature",
     raise<&Behaviour::unsigned_calls>},
    {"queue", "", "DURATION", "a job waits this long for a worker", wait<&Behaviour::queue>},
    {"cold-start", "", "DURATION", "the endpoint's first job waits this long, too",
     wait<&Behaviour::cold_start>},
    {"execution", "", "DURATION", "a job runs this long, besides the pace of its tokens",
     wait<&Behaviour::execution>},
    {"expiry", "", "DURATION", "results are kept this long (run 30m, runsync 1m)",
     wait<&Behaviour::expiry>},
    {"job", "", "WORD", "its end: completed, failed, timed-out, no-output, lost, stuck",
     set_job_end},
    {"scaled-to-zero", "", "", "RunPod's health is a 204", raise<&Behaviour::scaled_to_zero>},
};

}  // namespace

std::size_t Behaviour::token_count() const {
  if (tokens) {
    return *tokens;
  }
  return answer_bytes == 0 ? kDefaultTokens
                           : std::max<std::size_t>(1, answer_bytes / kBytesPerToken);
}

Behaviour Behaviour::healthy(const Behaviour& base) const {
  Behaviour well = base;
  well.tokens = tokens;
  well.answer_bytes = answer_bytes;
  well.prompt_tokens = prompt_tokens;
  well.dimensions = dimensions;
  well.content = content;
  well.vary = vary;
  well.id = id;
  well.created = created;
  well.cached_tokens = cached_tokens;
  well.reasoning = reasoning;
  well.reasoning_field = reasoning_field;
  well.calls = calls;
  well.usage_missing = usage_missing;
  well.unsigned_calls = unsigned_calls;
  well.no_prefill = no_prefill;
  return well;
}

std::span<const Parameter> parameters() { return kParameters; }

std::optional<std::string> apply_parameter(Behaviour& behaviour, std::string_view name,
                                           std::optional<std::string_view> value) {
  auto known = std::find_if(
      std::begin(kParameters), std::end(kParameters),
      [&](const Parameter& p) { return p.name == name || (!p.alias.empty() && p.alias == name); });
  if (known == std::end(kParameters)) {
    return "unknown parameter '" + std::string(name) + "'";
  }
  if (known->argument.empty() && value) {
    return "parameter '" + std::string(name) + "' takes no value";
  }
  if (!known->argument.empty() && known->argument.front() != '[' && (!value || value->empty())) {
    return "parameter '" + std::string(name) + "' needs " + std::string(known->argument);
  }
  if (!known->apply(behaviour, value.value_or(std::string_view()))) {
    return "parameter '" + std::string(name) + "' does not take '" +
           std::string(value.value_or("")) + "'";
  }
  return std::nullopt;
}

std::optional<std::string> apply_parameters(Behaviour& behaviour, std::string_view joined) {
  for (;;) {
    std::size_t colon = joined.find(':');
    std::string_view word = joined.substr(0, colon);
    std::optional<std::string_view> value;
    std::size_t equals = word.find('=');
    if (equals != std::string_view::npos) {
      value = word.substr(equals + 1);
    }
    if (auto error = apply_parameter(behaviour, word.substr(0, equals), value)) {
      return error;
    }
    if (colon == std::string_view::npos) {
      return std::nullopt;
    }
    joined.remove_prefix(colon + 1);
  }
}

std::variant<Behaviour, std::string> behaviour_of(std::string_view model, const Behaviour& base) {
  Behaviour behaviour = base;
  std::string_view family = model.substr(0, model.find(':'));
  if (family.size() == model.size() || (family != "sim" && !family.starts_with("sim-"))) {
    return behaviour;
  }
  if (auto error = apply_parameters(behaviour, model.substr(family.size() + 1))) {
    return "Model '" + std::string(model) + "': " + *error + ".";
  }
  return behaviour;
}

}  // namespace headgate::sim
