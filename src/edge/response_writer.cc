#include "edge/response_writer.h"

#include <array>
#include <charconv>
#include <chrono>
#include <ctime>

namespace headgate::edge {
namespace {

/// The Date field's value, formatted once a second on each thread.
std::string_view http_date() {
  thread_local std::time_t formatted = 0;
  thread_local std::array<char, 32> text{};
  thread_local std::size_t length = 0;
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  if (now != formatted) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    formatted = now;
  }
  return {text.data(), length};
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

/// Milliseconds with three decimals.
void append_milliseconds(std::string& out, std::chrono::nanoseconds duration) {
  const auto microseconds =
      static_cast<std::uint64_t>(std::max<long long>(duration.count() / 1000, 0));
  append_number(out, microseconds / 1000);
  out.push_back('.');
  const std::uint64_t fraction = microseconds % 1000;
  out.push_back(static_cast<char>('0' + fraction / 100));
  out.push_back(static_cast<char>('0' + fraction / 10 % 10));
  out.push_back(static_cast<char>('0' + fraction % 10));
}

void append_server_timing(std::string& out, const model::RequestContext& context) {
  const auto total = std::chrono::steady_clock::now() - context.started;
  out.append("server-timing: auth;dur=");
  append_milliseconds(out, context.auth_time);
  out.append(", queue;dur=");
  append_milliseconds(out, context.queue_time);
  out.append(", upstream;dur=");
  append_milliseconds(out, context.upstream_wait);
  out.append(", gateway;dur=");
  append_milliseconds(out, total - context.upstream_wait - context.queue_time);
  out.append("\r\n");
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 424:
      return "Failed Dependency";
    case 425:
      return "Too Early";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    case 508:
      return "Loop Detected";
    default:
      return "Status";
  }
}

void append_response_head(std::string& out, const Response& response,
                          const model::RequestContext& context, BodyFraming framing,
                          std::uint64_t length, ConnectionField connection,
                          std::string_view extra_fields) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(response.status));
  out.push_back(' ');
  out.append(reason_phrase(response.status));
  out.append("\r\nDate: ");
  out.append(http_date());
  if (!response.content_type.empty() && framing != BodyFraming::None) {
    out.append("\r\nContent-Type: ").append(response.content_type);
  }
  if (framing == BodyFraming::Length) {
    out.append("\r\nContent-Length: ");
    append_number(out, length);
  } else if (framing == BodyFraming::Chunked) {
    out.append("\r\nTransfer-Encoding: chunked");
  }
  if (connection == ConnectionField::Close) {
    out.append("\r\nConnection: close");
  } else if (connection == ConnectionField::KeepAlive10) {
    out.append("\r\nConnection: keep-alive");
  }
  out.append("\r\nx-request-id: ").append(context.request_id).append("\r\n");
  append_server_timing(out, context);
  out.append(extra_fields);
  out.append(response.fields);
  out.append("\r\n");
}

}  // namespace headgate::edge
