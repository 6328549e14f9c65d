#include "observe/request_record.h"

#include <algorithm>

namespace headgate::observe {
namespace {

constexpr std::array<std::string_view, 9> kMethods = {
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"};

/// The method as a static text: the caller's may be anything and does not live on.
std::string_view static_method(std::string_view method) {
  for (const std::string_view known : kMethods) {
    if (known == method) {
      return known;
    }
  }
  return method.empty() ? std::string_view() : "_other";
}

/// The 32 hex digits of a traceparent (version-trace-parent-flags), or empty.
std::string_view trace_id(std::string_view traceparent) {
  constexpr std::size_t kStart = 3;
  constexpr std::size_t kLength = 32;
  if (traceparent.size() < kStart + kLength + 1 || traceparent[2] != '-' ||
      traceparent[kStart + kLength] != '-') {
    return {};
  }
  return traceparent.substr(kStart, kLength);
}

std::string_view level_of(int status) {
  if (status >= 500) {
    return "error";
  }
  return status >= 400 ? "warning" : "info";
}

}  // namespace

void RequestRecord::put(Text which, std::string_view text, std::size_t limit) {
  const std::size_t start = which == 0 ? 0 : ends_[which - 1];
  const std::size_t length = std::min({text.size(), limit, kPackSize - start});
  if (length > 0) {
    std::memcpy(pack_.data() + start, text.data(), length);
  }
  ends_[which] = static_cast<std::uint16_t>(start + length);
}

std::string_view RequestRecord::text(Text which) const {
  const std::size_t start = which == 0 ? 0 : ends_[which - 1];
  return {pack_.data() + start, ends_[which] - start};
}

void RequestRecord::assign(const model::RequestContext& context, const Outcome& outcome) {
  route = context.route;
  kind = context.kind;
  method = static_method(outcome.method);
  ended = outcome.ended;
  duration = std::chrono::nanoseconds(outcome.ended - context.started).count();
  auth = context.auth_time.count();
  queue = context.queue_time.count();
  upstream = context.upstream_time.count();
  overhead = duration - queue - context.upstream_wait.count();
  bytes_in = outcome.bytes_in;
  bytes_out = outcome.bytes_out;
  input_tokens = context.input_tokens;
  output_tokens = context.output_tokens;
  attempts = context.attempts;
  status = static_cast<std::uint16_t>(outcome.status);
  streamed = context.streamed;

  put(RequestId, context.request_id, 128);
  put(Principal, context.principal ? std::string_view(context.principal->id) : "", 64);
  put(ClientId, context.client_id, 64);
  put(Path, outcome.path, 160);
  put(Model, context.model, 64);
  put(Provider, context.provider, 32);
  put(Target, context.target, 64);
  put(ErrorCode, context.error_code, 48);
  put(Remote, context.remote_address, 46);
  put(TraceId, trace_id(context.traceparent), 32);
  put(ErrorDetail, context.error_detail, 256);
}

void append_json_line(std::string& out, const RequestRecord& record, std::int64_t unix_milliseconds,
                      TimeText& time) {
  out.append("{\"ts\":\"");
  time.append(out, unix_milliseconds);
  out.append("\",\"level\":\"").append(level_of(record.status));
  out.append("\",\"message\":\"request\"");
  append_json_text(out, "id", record.text(RequestRecord::RequestId));
  append_json_text(out, "principal", record.text(RequestRecord::Principal));
  append_json_text(out, "client_id", record.text(RequestRecord::ClientId));
  append_json_text(out, "method", record.method);
  append_json_text(out, "route", record.route);
  append_json_text(out, "path", record.text(RequestRecord::Path));
  append_json_text(out, "kind", record.kind);
  append_json_text(out, "model", record.text(RequestRecord::Model));
  append_json_text(out, "provider", record.text(RequestRecord::Provider));
  append_json_text(out, "target", record.text(RequestRecord::Target));
  append_json_number(out, "status", record.status);
  append_json_number(out, "bytes_in", static_cast<std::int64_t>(record.bytes_in));
  append_json_number(out, "bytes_out", static_cast<std::int64_t>(record.bytes_out));
  append_json_ms(out, "duration_ms", record.duration);
  append_json_ms(out, "auth_ms", record.auth);
  append_json_ms(out, "queue_ms", record.queue);
  append_json_ms(out, "upstream_ms", record.upstream);
  append_json_ms(out, "overhead_ms", record.overhead);
  append_json_number(out, "attempts", record.attempts);
  out.append(record.streamed ? ",\"streamed\":true" : ",\"streamed\":false");
  if (record.input_tokens >= 0) {
    append_json_number(out, "input_tokens", record.input_tokens);
  }
  if (record.output_tokens >= 0) {
    append_json_number(out, "output_tokens", record.output_tokens);
  }
  append_json_text(out, "error_code", record.text(RequestRecord::ErrorCode));
  append_json_text(out, "error_detail", record.text(RequestRecord::ErrorDetail));
  append_json_text(out, "remote", record.text(RequestRecord::Remote));
  append_json_text(out, "trace_id", record.text(RequestRecord::TraceId));
  out.append("}\n");
}

void append_text_line(std::string& out, const RequestRecord& record, std::int64_t unix_milliseconds,
                      TimeText& time) {
  time.append(out, unix_milliseconds);
  out.push_back(' ');
  out.append(record.method.empty() ? "-" : record.method).push_back(' ');
  append_escaped(out, record.text(RequestRecord::Path));
  out.push_back(' ');
  append_number(out, record.status);
  out.push_back(' ');
  append_ms(out, record.duration);
  out.append("ms ");
  append_number(out, static_cast<std::int64_t>(record.bytes_out));
  out.push_back('B');
  for (const auto which : {RequestRecord::Model, RequestRecord::Provider, RequestRecord::Principal,
                           RequestRecord::ErrorCode, RequestRecord::ErrorDetail}) {
    if (const std::string_view text = record.text(which); !text.empty()) {
      out.push_back(' ');
      append_escaped(out, text);
    }
  }
  out.push_back('\n');
}

}  // namespace headgate::observe
