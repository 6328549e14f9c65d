#include "providers/sse_splitter.h"

#include <algorithm>

namespace headgate::providers {

Result<void> SseSplitter::feed(std::string_view bytes) {
  buffer_.erase(0, begin_);
  line_ -= begin_;
  seen_ -= std::min(seen_, begin_);
  begin_ = 0;
  if (buffer_.size() + bytes.size() > max_event_ && buffer_.size() >= max_event_) {
    return fail(upstream_failed("The model server sent an event that is too large.",
                                "event larger than " + std::to_string(max_event_) + " bytes"));
  }
  buffer_.append(bytes);
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (at_start_ && buffer_.size() >= kByteOrderMark.size()) {
    if (buffer_.starts_with(kByteOrderMark)) {
      buffer_.erase(0, kByteOrderMark.size());
      seen_ = 0;
    }
    at_start_ = false;
  }
  return {};
}

std::optional<SseSplitter::LineEnd> SseSplitter::line_end(std::size_t from) const {
  const std::size_t at = buffer_.find_first_of("\r\n", from);
  if (at == std::string::npos) {
    return std::nullopt;
  }
  if (buffer_[at] == '\n') {
    return LineEnd{at, at + 1};
  }
  // A CR at the end of what we have may be half of a CRLF: wait for what follows.
  if (at + 1 == buffer_.size()) {
    return std::nullopt;
  }
  return LineEnd{at, buffer_[at + 1] == '\n' ? at + 2 : at + 1};
}

std::optional<SseEvent> SseSplitter::next() {
  while (true) {
    const auto end = line_end(std::max(line_, seen_));
    if (!end) {
      // The last byte may be the CR of a CRLF.
      seen_ = buffer_.empty() ? 0 : buffer_.size() - 1;
      return std::nullopt;
    }
    const bool blank = end->text_end == line_;
    line_ = end->next;
    if (blank) {
      const std::size_t begin = begin_;
      begin_ = line_;
      if (end->text_end > begin) {
        return parse(begin, line_);
      }
      // Nothing but an extra blank line.
    }
  }
}

SseEvent SseSplitter::parse(std::size_t begin, std::size_t end) {
  SseEvent event{
      .text = std::string_view(buffer_).substr(begin, end - begin), .data = {}, .event = {}};
  std::size_t at = begin;
  std::size_t data_lines = 0;
  while (at < end) {
    const auto limit = line_end(at);
    if (!limit || limit->next > end) {
      break;
    }
    std::string_view line = std::string_view(buffer_).substr(at, limit->text_end - at);
    at = limit->next;
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string_view name = line.substr(0, colon);
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) {
      value.remove_prefix(1);
    }
    if (name == "event") {
      event.event = value;
    } else if (name == "data") {
      if (data_lines++ == 0) {
        event.data = value;
      } else {
        if (data_lines == 2) {
          joined_.assign(event.data);
        }
        joined_.push_back('\n');
        joined_.append(value);
        event.data = joined_;
      }
    }
  }
  return event;
}

}  // namespace headgate::providers
