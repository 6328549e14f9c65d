#include "documents/worker_protocol.h"

#include "base/encoding.h"
#include "documents/wire.h"

namespace headgate::documents {
namespace {

constexpr std::uint32_t kMagic = 0x31574748;  // "HGW1"
constexpr std::size_t kMaxName = 64;
constexpr std::uint32_t kMaxLanguages = 16;
constexpr std::uint32_t kMaxPages = 1'000'000;
constexpr std::size_t kMaxWord = 4096;
constexpr std::uint32_t kMaxLines = 500'000;

enum class Kind : std::uint8_t { Hello = 1, Ready = 2, Job = 3, Cancel = 4, Done = 5 };
enum class AnswerKind : std::uint8_t { Inspection = 1, Reading = 2, Probe = 3, Refusal = 255 };

WireWriter start(Kind kind) {
  WireWriter out;
  out.number(kMagic);
  out.number(static_cast<std::uint8_t>(kind));
  return out;
}

WireReader open(std::string_view packet, Kind kind) {
  WireReader in(packet);
  if (packet.size() > kMaxControlBytes || in.number<std::uint32_t>() != kMagic ||
      in.number<std::uint8_t>() != static_cast<std::uint8_t>(kind)) {
    in.spoil();
  }
  return in;
}

void write_names(WireWriter& out, const std::vector<std::string>& names) {
  out.number(static_cast<std::uint32_t>(names.size()));
  for (const std::string& name : names) {
    out.text(name);
  }
}

std::vector<std::string> read_names(WireReader& in) {
  std::vector<std::string> names(in.count(4, kMaxLanguages));
  for (std::string& name : names) {
    name = in.text(kMaxName);
  }
  return names;
}

/// A number that must be one of `last` + 1 enumerators.
template <class Enum>
Enum read_enum(WireReader& in, Enum last) {
  const auto value = in.number<std::uint8_t>();
  if (value > static_cast<std::uint8_t>(last)) {
    in.spoil();
    return Enum{};
  }
  return static_cast<Enum>(value);
}

template <class Message>
std::optional<Message> whole(const WireReader& in, Message message) {
  if (!in.finished()) {
    return std::nullopt;
  }
  return message;
}

void write_box(WireWriter& out, const model::Box& box) {
  out.real(box.left);
  out.real(box.top);
  out.real(box.right);
  out.real(box.bottom);
}

model::Box read_box(WireReader& in) {
  model::Box box;
  box.left = in.real();
  box.top = in.real();
  box.right = in.real();
  box.bottom = in.real();
  return box;
}

std::string framed(AnswerKind kind, std::string_view body) {
  WireWriter out;
  out.number(static_cast<std::uint32_t>(body.size() + 1));
  out.number(static_cast<std::uint8_t>(kind));
  out.raw(body);
  return out.take();
}

/// The body of an answer if it is whole; sets `kind`.
std::optional<WireReader> open_answer(std::string_view bytes, AnswerKind& kind) {
  WireReader in(bytes);
  const auto size = in.number<std::uint32_t>();
  if (bytes.size() > kMaxAnswerBytes || bytes.size() < 5 || size != bytes.size() - 4) {
    return std::nullopt;
  }
  kind = static_cast<AnswerKind>(in.number<std::uint8_t>());
  return in;
}

std::optional<Refusal> read_refusal(WireReader& in) {
  Refusal refusal;
  const auto failure = in.number<std::uint8_t>();
  refusal.figure = in.number<std::uint64_t>();
  if (failure == 0 || failure > kLastPageFailure) {
    return std::nullopt;
  }
  refusal.failure = static_cast<PageFailure>(failure);
  return whole(in, refusal);
}

template <class Value>
std::optional<Answer<Value>> refused(WireReader& in) {
  const auto refusal = read_refusal(in);
  if (!refusal) {
    return std::nullopt;
  }
  Answer<Value> answer;
  answer.refusal = *refusal;
  return answer;
}

model::Word read_word(WireReader& in) {
  model::Word word;
  word.text = in.text(kMaxWord);
  word.box = read_box(in);
  word.confidence = in.real();
  if (!is_utf8(word.text) || word.confidence < 0 || word.confidence > 1) {
    in.spoil();
  }
  return word;
}

model::Line read_line(WireReader& in) {
  constexpr std::size_t kSmallestWord = 24;
  model::Line line;
  line.block = in.number<std::uint32_t>();
  line.box = read_box(in);
  const std::uint32_t words = in.count(kSmallestWord, kMaxLines);
  line.words.reserve(words);
  for (std::uint32_t i = 0; i < words && in.ok(); ++i) {
    line.words.push_back(read_word(in));
  }
  return line;
}

}  // namespace

std::string encode(const HelloMessage& message) {
  WireWriter out = start(Kind::Hello);
  write_names(out, message.languages);
  out.number(message.max_pages);
  out.number(message.max_pixels);
  return out.take();
}

std::string encode(const ReadyMessage& message) {
  WireWriter out = start(Kind::Ready);
  out.number(static_cast<std::uint32_t>(message.sandbox.size()));
  for (const SandboxStatus& status : message.sandbox) {
    out.text(status.mechanism);
    out.text(status.state);
  }
  return out.take();
}

std::string encode(const JobMessage& message) {
  WireWriter out = start(Kind::Job);
  out.number(message.id);
  out.number(static_cast<std::uint8_t>(message.op));
  out.number(message.page);
  out.number(static_cast<std::uint8_t>(message.resolution));
  out.number(static_cast<std::uint8_t>(message.text_layer));
  out.number(message.timeout_milliseconds);
  write_names(out, message.languages);
  return out.take();
}

std::string encode(const CancelMessage& message) {
  WireWriter out = start(Kind::Cancel);
  out.number(message.id);
  return out.take();
}

std::string encode(const DoneMessage& message) {
  WireWriter out = start(Kind::Done);
  out.number(message.id);
  out.number(static_cast<std::uint8_t>(message.ending));
  out.number(message.signal);
  out.number(message.cpu_milliseconds);
  out.number(message.peak_bytes);
  out.number(message.worker_bytes);
  return out.take();
}

std::optional<HelloMessage> decode_hello(std::string_view packet) {
  WireReader in = open(packet, Kind::Hello);
  HelloMessage message;
  message.languages = read_names(in);
  message.max_pages = in.number<std::uint64_t>();
  message.max_pixels = in.number<std::uint64_t>();
  return whole(in, std::move(message));
}

std::optional<ReadyMessage> decode_ready(std::string_view packet) {
  constexpr std::uint32_t kMaxMechanisms = 16;
  constexpr std::size_t kMaxState = 256;
  WireReader in = open(packet, Kind::Ready);
  ReadyMessage message;
  message.sandbox.resize(in.count(8, kMaxMechanisms));
  for (SandboxStatus& status : message.sandbox) {
    status.mechanism = in.text(kMaxName);
    status.state = in.text(kMaxState);
  }
  return whole(in, std::move(message));
}

std::optional<JobMessage> decode_job(std::string_view packet) {
  WireReader in = open(packet, Kind::Job);
  JobMessage message;
  message.id = in.number<std::uint64_t>();
  message.op = static_cast<WorkerOp>(in.number<std::uint8_t>());
  message.page = in.number<std::uint32_t>();
  message.resolution = read_enum(in, Resolution::Gundam);
  message.text_layer = read_enum(in, TextLayer::Ignore);
  message.timeout_milliseconds = in.number<std::uint32_t>();
  message.languages = read_names(in);
  return whole(in, std::move(message));
}

std::optional<CancelMessage> decode_cancel(std::string_view packet) {
  WireReader in = open(packet, Kind::Cancel);
  CancelMessage message;
  message.id = in.number<std::uint64_t>();
  return whole(in, message);
}

std::optional<DoneMessage> decode_done(std::string_view packet) {
  WireReader in = open(packet, Kind::Done);
  DoneMessage message;
  message.id = in.number<std::uint64_t>();
  message.ending = read_enum(in, DoneMessage::Ending::NotStarted);
  message.signal = in.number<std::uint32_t>();
  message.cpu_milliseconds = in.number<std::uint32_t>();
  message.peak_bytes = in.number<std::uint64_t>();
  message.worker_bytes = in.number<std::uint64_t>();
  return whole(in, message);
}

std::string encode_answer(const Inspection& inspection) {
  WireWriter out;
  out.number(static_cast<std::uint8_t>(inspection.type));
  out.number(static_cast<std::uint32_t>(inspection.pages.size()));
  for (const PageSize& size : inspection.pages) {
    out.real(size.width);
    out.real(size.height);
  }
  return framed(AnswerKind::Inspection, out.bytes());
}

std::string encode_answer(const model::PageReading& reading) {
  WireWriter out;
  out.number(reading.number);
  out.real(reading.width);
  out.real(reading.height);
  out.real(reading.dpi);
  out.number(static_cast<std::uint8_t>(reading.source));
  out.real(reading.confidence);
  out.number(static_cast<std::uint32_t>(reading.lines.size()));
  for (const model::Line& line : reading.lines) {
    out.number(line.block);
    write_box(out, line.box);
    out.number(static_cast<std::uint32_t>(line.words.size()));
    for (const model::Word& word : line.words) {
      out.text(word.text);
      write_box(out, word.box);
      out.real(word.confidence);
    }
  }
  return framed(AnswerKind::Reading, out.bytes());
}

std::string encode_answer(const Refusal& refusal) {
  WireWriter out;
  out.number(static_cast<std::uint8_t>(refusal.failure));
  out.number(refusal.figure);
  return framed(AnswerKind::Refusal, out.bytes());
}

std::string encode_answer(std::uint32_t number) {
  WireWriter out;
  out.number(number);
  return framed(AnswerKind::Probe, out.bytes());
}

std::optional<Answer<Inspection>> decode_inspection(std::string_view bytes) {
  AnswerKind kind{};
  auto in = open_answer(bytes, kind);
  if (!in) {
    return std::nullopt;
  }
  if (kind == AnswerKind::Refusal) {
    return refused<Inspection>(*in);
  }
  if (kind != AnswerKind::Inspection) {
    return std::nullopt;
  }
  Inspection inspection;
  inspection.type = read_enum(*in, FileType::Gif);
  inspection.pages.resize(in->count(8, kMaxPages));
  for (PageSize& size : inspection.pages) {
    size.width = in->real();
    size.height = in->real();
  }
  if (!in->finished() || inspection.pages.empty()) {
    return std::nullopt;
  }
  return Answer<Inspection>{.value = std::move(inspection), .refusal = {}};
}

std::optional<Answer<model::PageReading>> decode_reading(std::string_view bytes) {
  constexpr std::size_t kSmallestLine = 24;
  AnswerKind kind{};
  auto in = open_answer(bytes, kind);
  if (!in) {
    return std::nullopt;
  }
  if (kind == AnswerKind::Refusal) {
    return refused<model::PageReading>(*in);
  }
  if (kind != AnswerKind::Reading) {
    return std::nullopt;
  }
  model::PageReading reading;
  reading.number = in->number<std::uint32_t>();
  reading.width = in->real();
  reading.height = in->real();
  reading.dpi = in->real();
  reading.source = read_enum(*in, model::PageReading::Source::Blank);
  reading.confidence = in->real();
  const std::uint32_t lines = in->count(kSmallestLine, kMaxLines);
  reading.lines.reserve(lines);
  for (std::uint32_t i = 0; i < lines && in->ok(); ++i) {
    reading.lines.push_back(read_line(*in));
  }
  if (!in->finished()) {
    return std::nullopt;
  }
  return Answer<model::PageReading>{.value = std::move(reading), .refusal = {}};
}

std::optional<std::uint32_t> decode_probe(std::string_view bytes) {
  AnswerKind kind{};
  auto in = open_answer(bytes, kind);
  if (!in || kind != AnswerKind::Probe) {
    return std::nullopt;
  }
  const auto number = in->number<std::uint32_t>();
  return whole(*in, number);
}

}  // namespace headgate::documents
