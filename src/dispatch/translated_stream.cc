#include "dispatch/translated_stream.h"

#include <utility>

#include "dispatch/usage_estimate.h"

namespace headgate::dispatch {

using Type = model::ChatEvent::Type;

TranslatedStream::TranslatedStream(std::unique_ptr<providers::ChatReader> reader,
                                   std::unique_ptr<dialects::AnswerWriter> writer,
                                   model::AnswerTrail begun, From from)
    : reader_(std::move(reader)), writer_(std::move(writer)), begun_(std::move(begun)) {
  trail_ = begun_;
  for (const model::ChatEvent& event : begun_.events()) {
    writer_->write(event, out_);  // so that it goes on in the same answer; the client has these
  }
  out_.clear();
  if (from == From::Beginning) {
    resumption_.emplace(begun_);
  }
}

TranslatedStream::TranslatedStream(std::unique_ptr<providers::ChatReader> reader,
                                   TranslatedStream& earlier, From from)
    : reader_(std::move(reader)),
      writer_(std::move(earlier.writer_)),
      begun_(std::move(earlier.trail_)) {
  trail_ = begun_;
  if (from == From::Beginning) {
    resumption_.emplace(begun_);
  }
}

Result<std::string_view> TranslatedStream::feed(std::string_view bytes) {
  if (pending_) {
    return fail(*pending_);
  }
  out_.clear();
  events_.clear();
  auto read = reader_->feed(bytes, events_);
  auto handed = hand_on();
  if (read && !handed) {
    read = std::move(handed);
  }
  if (!read) {
    // What came before the error still goes out; the error follows on every later call.
    pending_ = read.error();
    if (out_.empty()) {
      return fail(*pending_);
    }
  }
  return out_;
}

Result<std::string_view> TranslatedStream::finish() {
  if (pending_) {
    return fail(*pending_);
  }
  out_.clear();
  events_.clear();
  auto read = reader_->finish(events_);
  if (read) {
    read = hand_on();
  }
  if (!read) {
    return fail(read.error());
  }
  if (asked_by_ != nullptr && is_incomplete(usage_, asked_by_->kind)) {
    model::ChatEvent told;
    told.type = Type::Usage;
    told.usage = estimated_usage(usage_, *asked_by_, trail_.said());
    writer_->write(told, out_);
  }
  writer_->finish(out_);
  return out_;
}

Result<void> TranslatedStream::hand_on() {
  if (resumption_ && !resumption_->filter(events_)) {
    Error error =
        upstream_failed("The model server broke off its answer and gave another one then.",
                        "the repeated answer differs");
    error.permanent = true;
    return fail(std::move(error));
  }
  for (const model::ChatEvent& event : events_) {
    if (event.type == Type::Start && trail_.started()) {
      continue;
    }
    if (event.type == Type::Image) {
      Error error = upstream_failed(
          "The model sent an image, which a stream cannot carry; ask for it without 'stream'.");
      error.permanent = true;
      return fail(std::move(error));
    }
    if (event.type == Type::Usage) {
      usage_ = event.usage;
    }
    trail_.note(event);
    writer_->write(event, out_);
  }
  return {};
}

}  // namespace headgate::dispatch
