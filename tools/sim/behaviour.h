#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace headgate::sim {

/// What goes wrong with an answer. `Behaviour::fault_at` is the event where it happens.
enum class Fault : std::uint8_t {
  None,
  Reset,            ///< the connection is reset before any byte, or after `fault_at` events
  Silence,          ///< the request is read and never answered
  Stall,            ///< nothing more comes after `fault_at` events; the connection stays open
  Cut,              ///< the connection is closed after `fault_at` events
  HalfHead,         ///< the connection is closed in the middle of the response head
  Malformed,        ///< event `fault_at` is not JSON
  ErrorEvent,       ///< event `fault_at` is an error object; the stream ends there
  NoDone,           ///< the stream ends cleanly without [DONE]
  BadLength,        ///< Content-Length is not a number
  TwoLengths,       ///< two Content-Length fields that differ
  LengthAndChunks,  ///< Content-Length and Transfer-Encoding together
  ShortBody,        ///< closed ten bytes before the promised length
  LongBody,         ///< a second, unasked response right after the answer
  Html,             ///< 200 with an HTML page
  ErrorBody,        ///< 200 with an error object
  NoFinish,         ///< the stream ends cleanly before it says why it ended
  Empty,            ///< 200 without a body, or a stream without events
  Garbage,          ///< 200 with bytes that are no text, in the right content type
};

/// What `Behaviour::fault_at` counts.
enum class FaultUnit : std::uint8_t { Events, Bytes };

/// Why an error of `Behaviour::status` was given; changes its code and message.
enum class Cause : std::uint8_t { Plain, ContextLength, ContentPolicy, Quota, Key };

/// How a job of the queue protocol ends.
enum class JobEnd : std::uint8_t {
  Completed,
  Failed,
  TimedOut,
  NoOutput,  ///< completed, and the output is missing
  Lost,      ///< its record disappears once it is picked up
  Stuck,     ///< never picked up
};

enum class Framing : std::uint8_t { Length, Chunks, UntilClose };

/// What the answer's content is.
enum class Content : std::uint8_t {
  Words,           ///< made-up words
  RequestBody,     ///< the received body, byte for byte
  RequestHeaders,  ///< the received header lines
};

/// How one model answers: the defaults of the command line changed by the model's name.
struct Behaviour {
  std::chrono::microseconds latency{0};      ///< before the head
  std::chrono::microseconds first_token{0};  ///< between the head and the first event
  double tokens_per_second = 0;              ///< 0: all at once
  std::optional<std::size_t> tokens;         ///< one content event each
  std::size_t answer_bytes = 0;              ///< exact size of the content; 0: follows from tokens
  std::size_t prompt_tokens = 9;
  std::size_t dimensions = 1536;  ///< of embeddings, unless the request says otherwise

  int status = 200;
  std::string retry_after;
  std::string retry_after_ms;
  Fault fault = Fault::None;
  std::size_t fault_at = 0;
  FaultUnit fault_unit = FaultUnit::Events;
  std::size_t fault_times = 0;  ///< only this many requests are struck; 0: all
  std::string fault_on;         ///< only this operation is struck; empty: every one
  Cause cause = Cause::Plain;
  std::chrono::microseconds retry_date{0};  ///< Retry-After as a date this far away; 0: none
  std::string retry_info;                   ///< google.rpc.RetryInfo of a Gemini error
  std::string should_retry;                 ///< x-should-retry of the error
  std::string content_type;                 ///< instead of the right one

  Framing framing = Framing::Length;  ///< of answers that are not streams
  Content content = Content::Words;
  std::size_t big_header = 0;             ///< bytes of one extra response field
  std::chrono::microseconds byte_gap{0};  ///< between two bytes when `drip` is set
  bool drip = false;                      ///< one byte a write
  bool flush = false;                     ///< one write for each event, also without a pace
  bool close = false;                     ///< Connection: close
  bool usage_missing = false;
  bool pings = false;        ///< a comment line before each event
  bool crlf = false;         ///< events end in CRLF
  bool early_hints = false;  ///< a 103 before the response
  bool vllm_errors = false;  ///< errors in the shape of vLLM: integer code, class name as type

  bool vary = false;  ///< text and ids follow from the prompt
  std::string id;     ///< of every answer; empty: derived
  std::size_t created = 1'700'000'000;
  std::size_t cached_tokens = 0;  ///< how many of prompt_tokens
  std::size_t reasoning = 0;      ///< tokens of thought before the answer
  std::string reasoning_field = "reasoning_content";
  std::size_t calls = 1;        ///< tools called when there are any
  bool refusal = false;         ///< the model refuses, or the prompt is blocked
  bool no_prefill = false;      ///< a last turn of the assistant is a mistake
  bool unsigned_calls = false;  ///< Gemini takes calls without a thought signature

  std::chrono::microseconds queue{0};       ///< a job waits this long for a worker
  std::chrono::microseconds cold_start{0};  ///< and until the first worker is up
  std::chrono::microseconds execution{0};   ///< a job runs this long, besides its tokens
  std::chrono::microseconds expiry{0};      ///< results are kept this long; 0: as documented
  JobEnd job_end = JobEnd::Completed;
  bool scaled_to_zero = false;  ///< health has no body

  std::size_t token_count() const;
  /// The same content by a server that is well again.
  Behaviour healthy(const Behaviour& base) const;
};

/// One word that changes a behaviour, in a model's name (`sim:latency=50ms`) or as an option of the
/// command line (`--latency 50ms`).
struct Parameter {
  std::string_view name;
  std::string_view alias;     ///< may be empty
  std::string_view argument;  ///< `DURATION`; in brackets: may be left out; empty: takes none
  std::string_view help;
  /// False if the value is not understood.
  bool (*apply)(Behaviour& behaviour, std::string_view value);
};

std::span<const Parameter> parameters();

/// Changes `behaviour` as `name=value` says. `value` is unset if there is no `=`. The error is for
/// the person who wrote the parameter.
std::optional<std::string> apply_parameter(Behaviour& behaviour, std::string_view name,
                                           std::optional<std::string_view> value);

/// Changes `behaviour` by parameters joined with colons: `tokens=64:tps=1000`.
std::optional<std::string> apply_parameters(Behaviour& behaviour, std::string_view joined);

/// The behaviour that `model` asks for: parameters after the first colon when the part before it is
/// `sim` or starts with `sim-`; any other name is served with `base`. A string is the error.
std::variant<Behaviour, std::string> behaviour_of(std::string_view model, const Behaviour& base);

}  // namespace headgate::sim
