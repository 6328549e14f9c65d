#include "edge/head_parser.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>
#include <utility>

#include "base/http_text.h"

namespace headgate::edge {
namespace {

Failure bad(std::string message) { return fail(invalid_request(std::move(message))); }

Failure refuse_with(ErrorKind kind, std::string message) {
  Error error = invalid_request(std::move(message));
  error.kind = kind;
  return fail(std::move(error));
}

Method method_named(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Method>, 7> kMethods = {{
      {"GET", Method::Get},
      {"HEAD", Method::Head},
      {"POST", Method::Post},
      {"PUT", Method::Put},
      {"PATCH", Method::Patch},
      {"DELETE", Method::Delete},
      {"OPTIONS", Method::Options},
  }};
  for (const auto& [text, method] : kMethods) {
    if (text == name) {
      return method;
    }
  }
  return Method::Other;
}

/// host [":" port] without userinfo, as in a Host field; also a bracketed IPv6 literal.
bool is_authority(std::string_view text) {
  if (text.empty() || text.size() > 260) {
    return false;
  }
  std::string_view rest = text;
  if (rest.front() == '[') {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos || end < 3) {
      return false;
    }
    const bool ok = std::ranges::all_of(rest.substr(1, end - 1), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
             c == ':' || c == '.';
    });
    if (!ok) {
      return false;
    }
    rest.remove_prefix(end + 1);
  } else {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    const bool ok = end > 0 && std::ranges::all_of(rest.substr(0, end), [](char c) {
                      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                             (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';
                    });
    if (!ok) {
      return false;
    }
    rest.remove_prefix(end);
  }
  if (rest.empty()) {
    return true;
  }
  rest.remove_prefix(1);
  return rest.size() <= 5 && std::ranges::all_of(rest, [](char c) { return c >= '0' && c <= '9'; });
}

Result<void> parse_target(std::string_view target, Head& head) {
  Request& request = head.request;
  const bool visible = std::ranges::all_of(target, [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7F && c != '#';
  });
  if (target.empty() || !visible) {
    return bad("The request target holds a character that must be percent-encoded.");
  }
  if (target.front() != '/') {
    if (target == "*" && request.method == Method::Options) {
      request.path = target;
      return {};
    }
    if (request.method_name == "CONNECT") {
      return refuse_with(ErrorKind::MethodNotAllowed, "CONNECT is not offered.");
    }
    constexpr std::string_view kHttp = "http://";
    constexpr std::string_view kHttps = "https://";
    const std::size_t scheme = target.starts_with(kHttp)    ? kHttp.size()
                               : target.starts_with(kHttps) ? kHttps.size()
                                                            : 0;
    if (scheme == 0) {
      return bad("The request target must start with '/'.");
    }
    target.remove_prefix(scheme);
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    request.host = target.substr(0, end);
    if (!is_authority(request.host)) {
      return bad("The authority of the request target is not valid.");
    }
    target.remove_prefix(end);
    if (target.empty() || target.front() == '?') {
      request.path = "/";
      request.query = target.empty() ? target : target.substr(1);
      return {};
    }
  }
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  request.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  return {};
}

Result<void> parse_request_line(std::string_view line, Head& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return bad("The request line must be: METHOD target HTTP/1.1");
  }
  const std::string_view method = line.substr(0, first);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method)) {
    return bad("The method is not a token.");
  }
  head.request.method_name = method;
  head.request.method = method_named(method);
  if (version == "HTTP/1.0") {
    head.http_1_0 = true;
    head.keep_alive = false;
  } else if (version != "HTTP/1.1") {
    const bool other_version = version.size() == 8 && version.starts_with("HTTP/") &&
                               version[5] >= '0' && version[5] <= '9' && version[6] == '.' &&
                               version[7] >= '0' && version[7] <= '9';
    if (other_version) {
      return refuse_with(ErrorKind::VersionUnsupported,
                         "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
    }
    return bad("The request line must end with HTTP/1.1 or HTTP/1.0.");
  }
  return parse_target(line.substr(first + 1, last - first - 1), head);
}

/// What the fields that decide framing and connection said so far.
struct Framers {
  std::optional<std::uint64_t> length;
  std::optional<std::string_view> host;
  bool chunked = false;
  bool close = false;
  bool keep = false;
};

Result<void> take_content_length(std::string_view value, Framers& framers) {
  if (framers.length) {
    return bad("Content-Length is given more than once.");
  }
  std::uint64_t length = 0;
  const auto [end, status] = std::from_chars(value.data(), value.data() + value.size(), length);
  const bool digits =
      !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || status != std::errc() || end != value.data() + value.size() ||
      length > static_cast<std::uint64_t>(INT64_MAX)) {
    return bad("Content-Length must be one plain decimal number.");
  }
  framers.length = length;
  return {};
}

Result<void> take_transfer_encoding(std::string_view value, Framers& framers) {
  if (framers.chunked) {
    return bad("Transfer-Encoding is given more than once.");
  }
  if (ascii_equal_ignore_case(value, "chunked")) {
    framers.chunked = true;
    return {};
  }
  // A list of codings we know but do not decode is told apart from nonsense.
  std::string_view rest = value;
  std::string_view last;
  bool known = true;
  while (true) {
    const std::size_t comma = rest.find(',');
    last = trim_blanks(rest.substr(0, comma));
    known = known &&
            (ascii_equal_ignore_case(last, "gzip") || ascii_equal_ignore_case(last, "x-gzip") ||
             ascii_equal_ignore_case(last, "deflate") ||
             ascii_equal_ignore_case(last, "compress") || ascii_equal_ignore_case(last, "chunked"));
    if (comma == std::string_view::npos) {
      break;
    }
    rest.remove_prefix(comma + 1);
  }
  const std::string_view before =
      value.substr(0, value.size() - std::min(last.size(), value.size()));
  if (known && ascii_equal_ignore_case(last, "chunked") &&
      ascii_lower(before).find("chunked") == std::string::npos) {
    return refuse_with(ErrorKind::NotImplemented,
                       "Compressed transfer codings are not supported; send plain chunked.");
  }
  return bad("The only transfer coding taken is: chunked");
}

void take_connection(std::string_view value, Framers& framers) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view token = trim_blanks(value.substr(0, comma));
    framers.close = framers.close || ascii_equal_ignore_case(token, "close");
    framers.keep = framers.keep || ascii_equal_ignore_case(token, "keep-alive");
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

Result<void> take_field(const Field& field, Head& head, Framers& framers) {
  // The length tells most fields apart before their names are compared.
  switch (field.name.size()) {
    case 4:
      if (ascii_equal_ignore_case(field.name, "host")) {
        if (framers.host) {
          return bad("Host is given more than once.");
        }
        if (!is_authority(field.value)) {
          return bad("The Host field is not a valid host and port.");
        }
        framers.host = field.value;
      }
      break;
    case 6:
      if (ascii_equal_ignore_case(field.name, "expect")) {
        if (!ascii_equal_ignore_case(field.value, "100-continue")) {
          return refuse_with(ErrorKind::ExpectationFailed,
                             "The only expectation met is 100-continue.");
        }
        head.expects_continue = true;
      }
      break;
    case 10:
      if (ascii_equal_ignore_case(field.name, "connection")) {
        take_connection(field.value, framers);
      }
      break;
    case 14:
      if (ascii_equal_ignore_case(field.name, "content-length")) {
        return take_content_length(field.value, framers);
      }
      break;
    case 16:
      if (ascii_equal_ignore_case(field.name, "content-encoding") &&
          !ascii_equal_ignore_case(field.value, "identity")) {
        return refuse_with(ErrorKind::Unsupported,
                           "Compressed request bodies are not supported; send the body as it is.");
      }
      break;
    case 17:
      if (ascii_equal_ignore_case(field.name, "transfer-encoding")) {
        return take_transfer_encoding(field.value, framers);
      }
      break;
    default:
      break;
  }
  return {};
}

Result<void> parse_field(std::string_view line, Head& head, Framers& framers) {
  if (line.front() == ' ' || line.front() == '\t') {
    return bad("A header line starts with white space (obsolete line folding is refused).");
  }
  if (line.size() > kMaxField) {
    return refuse_with(ErrorKind::HeaderTooLarge, "One header field is larger than 16 KiB.");
  }
  const std::size_t colon = token_length(line);
  if (colon == 0 || colon == line.size() || line[colon] != ':') {
    return bad("A header field must be a name of token characters directly followed by ':'.");
  }
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  if (!is_field_value(value)) {
    return bad("A header value holds a control character.");
  }
  if (head.field_count == kMaxFields) {
    return refuse_with(ErrorKind::HeaderTooLarge, "The request has more than 100 header fields.");
  }
  head.fields[head.field_count] = Field{line.substr(0, colon), value};
  return take_field(head.fields[head.field_count++], head, framers);
}

Result<void> decide_framing(const Framers& framers, Head& head) {
  if (framers.chunked && framers.length) {
    return bad("Content-Length and Transfer-Encoding exclude each other.");
  }
  if (framers.chunked && head.http_1_0) {
    return bad("Transfer-Encoding is not part of HTTP/1.0.");
  }
  if (framers.chunked) {
    head.framing = {.kind = Framing::Kind::Chunked};
  } else if (framers.length.value_or(0) > 0) {
    head.framing = {.kind = Framing::Kind::Length, .length = *framers.length};
  }
  if (framers.close) {
    head.keep_alive = false;
  } else if (head.http_1_0) {
    head.keep_alive = framers.keep;
  }
  if (!framers.host && !head.http_1_0) {
    return bad("HTTP/1.1 requests need a Host field.");
  }
  if (framers.host) {
    if (!head.request.host.empty() && !ascii_equal_ignore_case(head.request.host, *framers.host)) {
      return bad("The Host field differs from the authority of the request target.");
    }
    head.request.host = *framers.host;
  }
  return {};
}

}  // namespace

Result<std::optional<std::size_t>> HeadScanner::scan(std::string_view buffer,
                                                     std::size_t max_head) {
  while (scanned_ < buffer.size()) {
    const void* found = std::memchr(buffer.data() + scanned_, '\n', buffer.size() - scanned_);
    if (found == nullptr) {
      scanned_ = buffer.size();
      break;
    }
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - buffer.data());
    scanned_ = at + 1;
    if (at == 0 || buffer[at - 1] != '\r') {
      return bad("A header line must end with CRLF, not with a bare line feed.");
    }
    const std::size_t length = at - 1 - line_start_;
    if (lines_ == 0 && length > kMaxRequestLine) {
      return refuse_with(ErrorKind::UriTooLong, "The request line is longer than 8 KiB.");
    }
    if (length == 0) {
      if (lines_ == 0) {
        return bad("The request line is missing.");
      }
      if (at + 1 > max_head) {
        break;
      }
      return std::optional<std::size_t>(at + 1);
    }
    line_start_ = at + 1;
    ++lines_;
  }
  if (lines_ == 0 && buffer.size() > kMaxRequestLine) {
    return refuse_with(ErrorKind::UriTooLong, "The request line is longer than 8 KiB.");
  }
  if (buffer.size() >= max_head) {
    return refuse_with(ErrorKind::HeaderTooLarge, "The request header is larger than " +
                                                      std::to_string(max_head >> 10) + " KiB.");
  }
  return std::optional<std::size_t>();
}

Result<void> parse_head(std::string_view text, Head& head) {
  head.request = Request();
  head.field_count = 0;
  head.framing = Framing();
  head.http_1_0 = false;
  head.keep_alive = true;
  head.expects_continue = false;

  Framers framers;
  bool first = true;
  while (true) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos || end == 0 || text[end - 1] != '\r') {
      return bad("A header line must end with CRLF.");
    }
    const std::string_view line = text.substr(0, end - 1);
    if (line.empty()) {
      break;
    }
    auto parsed = first ? parse_request_line(line, head) : parse_field(line, head, framers);
    if (!parsed) {
      return parsed;
    }
    first = false;
    text.remove_prefix(end + 1);
  }
  if (first) {
    return bad("The request line is missing.");
  }
  head.request.fields = std::span(head.fields.data(), head.field_count);
  return decide_framing(framers, head);
}

}  // namespace headgate::edge
