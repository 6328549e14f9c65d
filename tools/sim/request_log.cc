#include "sim/request_log.h"

#include <algorithm>

#include "sim/encoding.h"
#include "sim/service.h"
#include "sim/text.h"

namespace headgate::sim {
namespace {

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::Answering:
      return "answering";
    case Outcome::Answered:
      return "answered";
    case Outcome::HungUp:
      return "hung_up";
    case Outcome::Broken:
      return "broken";
  }
  return "";
}

void append_text(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, value, HighBytes::Latin1);
}

void append_number(std::string& out, std::string_view name, std::uint64_t value) {
  out.append(",\"").append(name).append("\":").append(std::to_string(value));
}

void append_fields(std::string& out, std::string_view fields) {
  out += ",\"headers\":[";
  bool first = true;
  while (!fields.empty()) {
    std::size_t end = std::min(fields.find("\r\n"), fields.size());
    out += first ? "" : ",";
    append_json_string(out, fields.substr(0, end), HighBytes::Latin1);
    fields.remove_prefix(std::min(end + 2, fields.size()));
    first = false;
  }
  out += ']';
}

/// Made when the log is read: requests are many, readings few.
std::string key_hash(const RequestRecord& record) {
  std::string_view target = record.target;
  std::size_t mark = std::min(target.find('?'), target.size());
  Incoming shown{.query = target.substr(std::min(mark + 1, target.size())),
                 .fields = record.fields};
  return short_hash(key_of(record.protocol, shown));
}

void append_record(std::string& out, const RequestRecord& record) {
  using std::chrono::microseconds;
  auto received = static_cast<std::uint64_t>(
      std::chrono::duration_cast<microseconds>(record.received.time_since_epoch()).count());
  out += "{\"number\":" + std::to_string(record.number);
  append_number(out, "connection", record.connection);
  append_number(out, "received_ms", received / 1000);
  append_number(out, "received_us", received);
  append_number(out, "took_us", static_cast<std::uint64_t>(record.took.count()));
  append_text(out, "method", record.method);
  append_text(out, "target", record.target);
  append_text(out, "path", std::string_view(record.target).substr(0, record.target.find('?')));
  append_text(out, "protocol", name_of(record.protocol));
  append_text(out, "key_hash", key_hash(record));
  append_number(out, "status", static_cast<std::uint64_t>(record.status));
  append_fields(out, record.fields);
  append_text(out, "server_name", record.server_name);
  append_text(out, "model", record.model);
  out += record.stream ? ",\"stream\":true" : ",\"stream\":false";
  append_number(out, "body_bytes", record.body_bytes);
  append_text(out, "body_start", record.body_start);
  append_text(out, "body_sha256", record.body_sha256);
  append_number(out, "sent_bytes", record.sent_bytes);
  append_text(out, "outcome", name_of(record.outcome));
  out += record.outcome == Outcome::HungUp ? ",\"hung_up\":true}" : ",\"hung_up\":false}";
}

}  // namespace

void Stats::append_json(std::string& out) const {
  out += R"({"open_connections":)" + std::to_string(open_connections);
  append_number(out, "accepted_connections", accepted_connections);
  append_number(out, "in_flight", in_flight);
  append_number(out, "requests", requests);
  append_number(out, "answered", answered);
  append_number(out, "aborted", aborted);
  out += '}';
}

RequestRecord& RequestLog::begin() {
  RequestRecord& record = ring_[++last_ % ring_.size()];
  record.number = last_;
  record.took = {};
  record.server_name.clear();
  record.protocol = Protocol::OpenAi;
  record.model.clear();
  record.status = 0;
  record.stream = false;
  record.body_bytes = 0;
  record.body_start.clear();
  record.body_sha256.clear();
  record.sent_bytes = 0;
  record.outcome = Outcome::Answering;
  return record;
}

RequestRecord* RequestLog::find(std::uint64_t number) {
  RequestRecord& record = ring_[number % ring_.size()];
  return record.number == number && number > cleared_ ? &record : nullptr;
}

void RequestLog::clear() { cleared_ = last_; }

void RequestLog::append_json(std::string& out) const {
  out += '[';
  std::uint64_t oldest = last_ > ring_.size() ? last_ - ring_.size() : 0;
  std::uint64_t first = std::max(cleared_, oldest) + 1;
  for (std::uint64_t number = first; number <= last_; ++number) {
    out += number == first ? "" : ",";
    append_record(out, ring_[number % ring_.size()]);
  }
  out += ']';
}

}  // namespace headgate::sim
