#include "upstream/response_head.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>

#include "base/encoding.h"
#include "base/http_text.h"
#include "upstream/failure.h"

namespace headgate::upstream {
namespace {

Failure bad(std::string detail) { return fail(failure(FailurePhase::Protocol, std::move(detail))); }

struct Framers {
  std::optional<std::uint64_t> length;
  bool chunked = false;
  bool version_1_0 = false;
  bool close = false;
  bool keep = false;
};

void take_connection(std::string_view value, Framers& framers) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view option = trim_blanks(value.substr(0, comma));
    framers.close = framers.close || ascii_equal_ignore_case(option, "close");
    framers.keep = framers.keep || ascii_equal_ignore_case(option, "keep-alive");
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

Result<void> parse_status_line(std::string_view line, ResponseHead& head, Framers& framers) {
  const bool shape = line.size() >= 12 && line.starts_with("HTTP/1.") &&
                     (line[7] == '0' || line[7] == '1') && line[8] == ' ' &&
                     (line.size() == 12 || line[12] == ' ') && is_field_value(line);
  int status = 0;
  if (!shape ||
      std::from_chars(line.data() + 9, line.data() + 12, status).ptr != line.data() + 12 ||
      status < 100 || status > 599) {
    return bad("bad status line");
  }
  head.status = status;
  framers.version_1_0 = line[7] == '0';
  return {};
}

Result<void> take_length(std::string_view value, Framers& framers) {
  std::uint64_t length = 0;
  const auto [end, status] = std::from_chars(value.data(), value.data() + value.size(), length);
  if (value.empty() || value.front() == '+' || status != std::errc() ||
      end != value.data() + value.size() || length > static_cast<std::uint64_t>(INT64_MAX)) {
    return bad("Content-Length is not a number");
  }
  if (framers.length && *framers.length != length) {
    return bad("two different Content-Lengths");
  }
  framers.length = length;
  return {};
}

Result<void> take_field(const HeaderField& field, Framers& framers) {
  if (field.name.size() == 14 && ascii_equal_ignore_case(field.name, "content-length")) {
    return take_length(field.value, framers);
  }
  if (field.name.size() == 17 && ascii_equal_ignore_case(field.name, "transfer-encoding")) {
    if (framers.chunked || !ascii_equal_ignore_case(field.value, "chunked")) {
      return bad("Transfer-Encoding other than chunked");
    }
    framers.chunked = true;
  } else if (field.name.size() == 10 && ascii_equal_ignore_case(field.name, "connection")) {
    take_connection(field.value, framers);
  }
  return {};
}

Result<void> parse_field(std::string_view line, ResponseHead& head, Framers& framers) {
  const std::size_t colon = token_length(line);
  if (colon == 0 || colon == line.size() || line[colon] != ':') {
    return bad("bad header field name");
  }
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  if (!is_field_value(value)) {
    return bad("control character in a header value");
  }
  if (head.field_count == kMaxResponseFields) {
    return bad("more than 100 header fields");
  }
  head.fields[head.field_count] = {line.substr(0, colon), value};
  return take_field(head.fields[head.field_count++], framers);
}

}  // namespace

std::optional<std::string_view> ResponseHead::field(std::string_view lower_case_name) const {
  for (std::size_t i = 0; i < field_count; ++i) {
    if (ascii_equal_ignore_case(fields[i].name, lower_case_name)) {
      return fields[i].value;
    }
  }
  return std::nullopt;
}

Result<std::optional<std::size_t>> find_head_end(std::string_view buffer, HeadSearch& search) {
  constexpr std::string_view kStart = "HTTP/1.";
  const std::size_t known = std::min(buffer.size(), kStart.size());
  if (buffer.substr(0, known) != kStart.substr(0, known)) {
    return bad("not an HTTP/1 response");
  }
  while (true) {
    const std::size_t end = buffer.find('\n', search.scanned);
    const std::size_t line_end = std::min(end, buffer.size());
    if (line_end >= kMaxResponseHead) {
      return bad("response head larger than 64 KiB");
    }
    if (line_end - search.line > kMaxResponseField) {
      return bad("a header line larger than 16 KiB");
    }
    if (end == std::string_view::npos) {
      search.scanned = buffer.size();
      return std::optional<std::size_t>();
    }
    if (end == search.line || buffer[end - 1] != '\r') {
      return bad("a header line does not end in CRLF");
    }
    const bool empty = end == search.line + 1;
    search.line = search.scanned = end + 1;
    if (empty) {
      return std::optional(end + 1);
    }
  }
}

Result<void> parse_response_head(std::string_view text, RequestMethod method, ResponseHead& head) {
  head.status = 0;
  head.field_count = 0;
  head.body = ResponseHead::Body::None;
  head.length = 0;
  Framers framers;
  bool first = true;
  while (true) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || end == 0 || text[end - 1] != '\r') {
      return bad("a header line does not end in CRLF");
    }
    const std::string_view line = text.substr(0, end - 1);
    if (line.empty()) {
      break;
    }
    auto parsed = first ? parse_status_line(line, head, framers) : parse_field(line, head, framers);
    if (!parsed) {
      return parsed;
    }
    first = false;
    text.remove_prefix(end + 1);
  }
  if (first) {
    return bad("no status line");
  }
  if (framers.chunked && framers.length) {
    return bad("Transfer-Encoding and Content-Length");
  }
  head.keep_alive = !framers.close && (!framers.version_1_0 || framers.keep);
  const bool no_body = method == RequestMethod::Head || head.status < 200 || head.status == 204 ||
                       head.status == 304 ||
                       (method == RequestMethod::Connect && head.status < 300);
  if (no_body) {
    return {};
  }
  if (framers.chunked) {
    head.body = ResponseHead::Body::Chunked;
    head.keep_alive = head.keep_alive && !framers.version_1_0;  // chunked is not of HTTP/1.0
  } else if (framers.length) {
    head.body = ResponseHead::Body::Length;
    head.length = *framers.length;
  } else {
    head.body = ResponseHead::Body::UntilClose;
    head.keep_alive = false;
  }
  return {};
}

}  // namespace headgate::upstream
