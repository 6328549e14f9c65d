#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headgate::providers {

/// One server-sent event (WHATWG HTML, "Server-sent events").
struct SseEvent {
  std::string_view text;  ///< as received, with the blank line that ends it
  std::string_view
      data;  ///< the data lines joined by LF; empty for a comment or an event without data
  std::string_view event;  ///< the event field, or empty
};

/// Cuts a byte stream into whole events. Lines may end with LF, CRLF or CR; a CRLF may be split.
class SseSplitter {
 public:
  static constexpr std::size_t kMaxEvent = 4U << 20U;
  explicit SseSplitter(std::size_t max_event = kMaxEvent) : max_event_(max_event) {}

  /// Adds bytes; ends the validity of events handed out. UpstreamFailed if an unfinished event is
  /// larger than `max_event`.
  Result<void> feed(std::string_view bytes);
  /// The next whole event, or nullopt until more is fed.
  std::optional<SseEvent> next();

 private:
  /// The end of the line that starts at `from`: where its text ends and the next line begins;
  /// nullopt if the line is not whole yet.
  struct LineEnd {
    std::size_t text_end;
    std::size_t next;
  };
  std::optional<LineEnd> line_end(std::size_t from) const;
  SseEvent parse(std::size_t begin, std::size_t end);

  std::size_t max_event_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of the first event not handed out
  std::size_t line_ = 0;   // of the line looked at
  std::size_t seen_ = 0;   // before this there is no end of that line
  std::string joined_;     // data of an event with several data lines
  bool at_start_ = true;
};

}  // namespace headgate::providers
