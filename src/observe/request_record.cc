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

// The packed texts, route, kind and method fully escaped, and the names and numbers of a line.
constexpr std::size_t kMostPerLine = 6 * 1024 + 6 * 256 + 1024;
constexpr std::size_t kMostStatic = 120;  // of route and kind each

/// Adds `prefix`, which opens the member, the text and a quote; nothing if the text is empty.
template <std::size_t kLength>
void add_text(TextBuffer& out, const char (&prefix)[kLength], std::string_view text) {
  if (text.empty()) {
    return;
  }
  out.add(prefix);
  out.add_escaped(text);
  out.add('"');
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
  route = context.route.substr(0, kMostStatic);
  kind = context.kind.substr(0, kMostStatic);
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
  usage_estimated = context.usage_estimated;
  cache = context.cache;

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
  put(FailedAttempts, context.failed_attempts, 256);
}

void add_json_line(TextBuffer& out, const RequestRecord& record, std::int64_t unix_milliseconds,
                   TimeText& time) {
  using Record = RequestRecord;
  out.ensure(kMostPerLine);
  out.add("{\"ts\":\"");
  time.add(out, unix_milliseconds);
  out.add("\",\"level\":\"");
  out.add(level_of(record.status));
  out.add("\",\"message\":\"request\"");
  add_text(out, ",\"id\":\"", record.text(Record::RequestId));
  add_text(out, ",\"principal\":\"", record.text(Record::Principal));
  add_text(out, ",\"client_id\":\"", record.text(Record::ClientId));
  add_text(out, ",\"method\":\"", record.method);
  add_text(out, ",\"route\":\"", record.route);
  add_text(out, ",\"path\":\"", record.text(Record::Path));
  add_text(out, ",\"kind\":\"", record.kind);
  add_text(out, ",\"model\":\"", record.text(Record::Model));
  add_text(out, ",\"provider\":\"", record.text(Record::Provider));
  add_text(out, ",\"target\":\"", record.text(Record::Target));
  out.add(",\"status\":");
  out.add_number(record.status);
  out.add(",\"bytes_in\":");
  out.add_number(static_cast<std::int64_t>(record.bytes_in));
  out.add(",\"bytes_out\":");
  out.add_number(static_cast<std::int64_t>(record.bytes_out));
  out.add(",\"duration_ms\":");
  out.add_ms(record.duration);
  out.add(",\"auth_ms\":");
  out.add_ms(record.auth);
  out.add(",\"queue_ms\":");
  out.add_ms(record.queue);
  out.add(",\"upstream_ms\":");
  out.add_ms(record.upstream);
  out.add(",\"overhead_ms\":");
  out.add_ms(record.overhead);
  out.add(",\"attempts\":");
  out.add_number(record.attempts);
  out.add(record.streamed ? std::string_view(",\"streamed\":true") : ",\"streamed\":false");
  if (record.input_tokens >= 0) {
    out.add(",\"input_tokens\":");
    out.add_number(record.input_tokens);
  }
  if (record.output_tokens >= 0) {
    out.add(",\"output_tokens\":");
    out.add_number(record.output_tokens);
  }
  if (record.usage_estimated) {
    out.add(",\"usage_estimated\":true");
  }
  if (record.cache != model::CacheOutcome::Off) {
    add_text(out, ",\"cache\":\"", model::name_of(record.cache));
  }
  add_text(out, ",\"error_code\":\"", record.text(Record::ErrorCode));
  add_text(out, ",\"error_detail\":\"", record.text(Record::ErrorDetail));
  add_text(out, ",\"failed_attempts\":\"", record.text(Record::FailedAttempts));
  add_text(out, ",\"remote\":\"", record.text(Record::Remote));
  add_text(out, ",\"trace_id\":\"", record.text(Record::TraceId));
  out.add("}\n");
}

void add_text_line(TextBuffer& out, const RequestRecord& record, std::int64_t unix_milliseconds,
                   TimeText& time) {
  out.ensure(kMostPerLine);
  time.add(out, unix_milliseconds);
  out.add(' ');
  out.add(record.method.empty() ? "-" : record.method);
  out.add(' ');
  out.add_escaped(record.text(RequestRecord::Path));
  out.add(' ');
  out.add_number(record.status);
  out.add(' ');
  out.add_ms(record.duration);
  out.add("ms ");
  out.add_number(static_cast<std::int64_t>(record.bytes_out));
  out.add('B');
  for (const auto which : {RequestRecord::Model, RequestRecord::Provider, RequestRecord::Principal,
                           RequestRecord::ErrorCode, RequestRecord::ErrorDetail}) {
    if (const std::string_view text = record.text(which); !text.empty()) {
      out.add(' ');
      out.add_escaped(text);
    }
  }
  out.add('\n');
}

}  // namespace headgate::observe
