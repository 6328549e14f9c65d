#include "edge/response_writer.h"

#include <array>
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

/// Room for all of a head that is not counted below.
constexpr std::size_t kFixedPart = 512;

void add_server_timing(TextBuffer& out, const model::RequestContext& context) {
  const auto total = std::chrono::steady_clock::now() - context.started;
  out.add("server-timing: auth;dur=");
  out.add_ms(context.auth_time.count());
  out.add(", queue;dur=");
  out.add_ms(context.queue_time.count());
  out.add(", upstream;dur=");
  out.add_ms(context.upstream_wait.count());
  out.add(", gateway;dur=");
  out.add_ms((total - context.upstream_wait - context.queue_time).count());
  out.add("\r\n");
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

void add_response_head(TextBuffer& out, const Response& response,
                       const model::RequestContext& context, BodyFraming framing,
                       std::uint64_t length, ConnectionField connection,
                       std::string_view extra_fields) {
  out.ensure(kFixedPart + response.content_type.size() + context.request_id.size() +
             extra_fields.size() + response.fields.size());
  out.add("HTTP/1.1 ");
  out.add_number(response.status);
  out.add(' ');
  out.add(reason_phrase(response.status));
  out.add("\r\nDate: ");
  out.add(http_date());
  if (!response.content_type.empty() && framing != BodyFraming::None) {
    out.add("\r\nContent-Type: ");
    out.add(response.content_type);
  }
  if (framing == BodyFraming::Length) {
    out.add("\r\nContent-Length: ");
    out.add_number(static_cast<std::int64_t>(length));
  } else if (framing == BodyFraming::Chunked) {
    out.add("\r\nTransfer-Encoding: chunked");
  }
  if (connection == ConnectionField::Close) {
    out.add("\r\nConnection: close");
  } else if (connection == ConnectionField::KeepAlive10) {
    out.add("\r\nConnection: keep-alive");
  }
  out.add("\r\nx-request-id: ");
  out.add(context.request_id);
  out.add("\r\n");
  add_server_timing(out, context);
  out.add(extra_fields);
  out.add(response.fields);
  out.add("\r\n");
}

}  // namespace headgate::edge
