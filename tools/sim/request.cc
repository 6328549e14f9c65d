#include "sim/request.h"

#include <algorithm>
#include <charconv>

#include "sim/text.h"

namespace headgate::sim {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

/// False if the field makes the request unreadable.
bool take_field(RequestHead& head, std::string_view name, std::string_view value) {
  if (equals_ignoring_case(name, "content-length")) {
    auto length = parse_count(value, SIZE_MAX);
    head.content_length = length.value_or(0);
    return length.has_value();
  }
  if (equals_ignoring_case(name, "transfer-encoding")) {
    head.chunked = equals_ignoring_case(value, "chunked");
    return head.chunked;
  }
  if (equals_ignoring_case(name, "connection")) {
    head.close = equals_ignoring_case(value, "close") ||
                 (head.http10 && !equals_ignoring_case(value, "keep-alive"));
  } else if (equals_ignoring_case(name, "expect")) {
    head.expects_continue = equals_ignoring_case(value, "100-continue");
  } else if (equals_ignoring_case(name, "authorization")) {
    head.authorization = value;
  }
  return true;
}

}  // namespace

std::optional<RequestHead> parse_request_head(std::string_view bytes) {
  RequestHead head;
  std::size_t line_end = std::min(bytes.find("\r\n"), bytes.size());
  std::string_view line = bytes.substr(0, line_end);
  std::size_t first = line.find(' ');
  std::size_t second = line.rfind(' ');
  if (first == std::string_view::npos || second <= first + 1) {
    return std::nullopt;
  }
  head.method = line.substr(0, first);
  head.target = line.substr(first + 1, second - first - 1);
  std::string_view version = line.substr(second + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return std::nullopt;
  }
  head.http10 = version == "HTTP/1.0";
  head.close = head.http10;
  head.fields = bytes.substr(std::min(line_end + 2, bytes.size()));

  std::string_view rest = head.fields;
  while (!rest.empty()) {
    std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view field = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    std::size_t colon = field.find(':');
    if (colon == std::string_view::npos || colon == 0) {
      return std::nullopt;
    }
    if (!take_field(head, field.substr(0, colon), trimmed(field.substr(colon + 1)))) {
      return std::nullopt;
    }
  }
  return head;
}

void ChunkReader::reset() {
  state_ = State::Size;
  left_ = 0;
}

ChunkReader::Step ChunkReader::step(std::string_view input) {
  if (state_ == State::Data) {
    std::size_t size = std::min(left_, input.size());
    left_ -= size;
    if (left_ == 0) {
      state_ = State::DataEnd;
    }
    return {.consumed = size, .data = input.substr(0, size)};
  }
  if (state_ == State::Done || state_ == State::Failed) {
    return {};
  }
  std::size_t end = input.find("\r\n");
  if (end == std::string_view::npos) {
    return {};
  }
  std::string_view line = input.substr(0, end);
  switch (state_) {
    case State::Size: {
      auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
      bool clean = rest == line.data() + line.size() || *rest == ';';
      if (error != std::errc() || !clean) {
        state_ = State::Failed;
      } else {
        state_ = left_ == 0 ? State::Trailer : State::Data;
      }
      break;
    }
    case State::DataEnd:
      state_ = line.empty() ? State::Size : State::Failed;
      break;
    default:
      state_ = line.empty() ? State::Done : State::Trailer;
      break;
  }
  return {.consumed = end + 2, .data = {}};
}

}  // namespace headgate::sim
