#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "documents/inspection.h"
#include "documents/page_error.h"
#include "documents/sandbox_status.h"
#include "model/document.h"

namespace headgate::documents {

// What gateway and worker say to each other.
//
// Control messages travel over a SOCK_SEQPACKET pair, one message a packet: the gateway sends Hello
// once and then Job or Cancel; the worker answers Ready once and Done for each Job. A Job carries
// two descriptors: the sealed document and the writing end of a pipe. The process forked for that
// page writes one answer into the pipe, length first; it never holds the control socket, so
// whatever the document does to it can only spoil its own answer.

inline constexpr std::size_t kMaxControlBytes = 16 << 10;
inline constexpr std::size_t kMaxAnswerBytes = 16 << 20;

/// What a page process does. Numbers are free above 2; gateway and worker are the same program.
enum class WorkerOp : std::uint8_t { Inspect = 1, ReadPage = 2, Probe = 100 };

struct HelloMessage {
  std::vector<std::string> languages;
  std::uint64_t max_pages = 0;
  std::uint64_t max_pixels = 0;
};

struct ReadyMessage {
  std::vector<SandboxStatus> sandbox;
};

struct JobMessage {
  std::uint64_t id = 0;
  WorkerOp op = WorkerOp::Inspect;
  std::uint32_t page = 0;  ///< from 1; the number of the attempt for Probe
  Resolution resolution = Resolution::Large;
  TextLayer text_layer = TextLayer::UseIfComplete;
  std::uint32_t timeout_milliseconds = 0;
  std::vector<std::string> languages;
};

struct CancelMessage {
  std::uint64_t id = 0;
};

struct DoneMessage {
  enum class Ending : std::uint8_t { Finished, Signalled, TimedOut, Cancelled, NotStarted };
  std::uint64_t id = 0;
  Ending ending = Ending::Finished;
  std::uint32_t signal = 0;  ///< that ended it
  std::uint32_t cpu_milliseconds = 0;
  std::uint64_t peak_bytes = 0;    ///< resident set of the page process
  std::uint64_t worker_bytes = 0;  ///< resident set of the worker itself
};

std::string encode(const HelloMessage& message);
std::string encode(const ReadyMessage& message);
std::string encode(const JobMessage& message);
std::string encode(const CancelMessage& message);
std::string encode(const DoneMessage& message);

/// The message in one packet if it is of the wanted kind and well formed to the last byte.
std::optional<HelloMessage> decode_hello(std::string_view packet);
std::optional<ReadyMessage> decode_ready(std::string_view packet);
std::optional<JobMessage> decode_job(std::string_view packet);
std::optional<CancelMessage> decode_cancel(std::string_view packet);
std::optional<DoneMessage> decode_done(std::string_view packet);

/// What a page process answers.
struct Refusal {
  PageFailure failure = PageFailure::Unreadable;
  std::uint64_t figure = 0;
};

std::string encode_answer(const Inspection& inspection);
std::string encode_answer(const model::PageReading& reading);
std::string encode_answer(const Refusal& refusal);
/// `number` of a probe: 0 allowed, else the errno it was denied with.
std::string encode_answer(std::uint32_t number);

/// Either what was asked for or why not; nothing if the bytes are not one whole answer of that
/// kind.
template <class Value>
struct Answer {
  std::optional<Value> value;
  Refusal refusal;  ///< if there is no value
};
std::optional<Answer<Inspection>> decode_inspection(std::string_view bytes);
std::optional<Answer<model::PageReading>> decode_reading(std::string_view bytes);
std::optional<std::uint32_t> decode_probe(std::string_view bytes);

}  // namespace headgate::documents
