#include "providers/runpod_jobs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <boost/json.hpp>

#include "base/encoding.h"
#include "providers/openai_error.h"
#include "providers/raw_json.h"
#include "providers/retry_after.h"

namespace headgate::providers {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

/// Of the body of /run.
constexpr std::size_t kMaxPayload = 10'000'000;
constexpr milliseconds kShortestRun{5'000};
constexpr milliseconds kLongest{7LL * 24 * 3600 * 1000};
/// RunPod keeps the result of a finished job so long; its record must not expire before.
constexpr milliseconds kRetention{30 * 60'000};
constexpr std::size_t kMaxId = 200;
constexpr std::size_t kMaxDetail = 500;

std::string shortened(std::string_view text) {
  std::string cut(text.substr(0, kMaxDetail));
  std::ranges::replace_if(cut, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return cut;
}

bool is_id(std::string_view text) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return !text.empty() && text.size() <= kMaxId &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

Error no_job(std::string detail) {
  return upstream_failed("The model server's answer is not what was asked for.", std::move(detail));
}

/// A text in Python's quotes, without its escapes.
std::string without_escapes(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped =
        text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '\\' || text[i + 1] == '\'');
    plain.push_back(text[escaped ? ++i : i]);
  }
  return plain;
}

/// "… vLLM returned HTTP 400: BODY', 'type': …": what worker-vllm makes of a refusal.
std::optional<Error> refusal_behind_worker(std::string_view text) {
  constexpr std::string_view kMark = "vLLM returned HTTP ";
  const std::size_t mark = text.find(kMark);
  if (mark == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view rest = text.substr(mark + kMark.size());
  int status = 0;
  const auto [end, ec] = std::from_chars(rest.data(), rest.data() + rest.size(), status);
  constexpr int kLowest = 400;
  constexpr int kHighest = 599;
  if (ec != std::errc() || status < kLowest || status > kHighest) {
    return std::nullopt;
  }
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(": ")));
  for (const std::string_view behind : {"', 'type'", "\", 'type'"}) {
    rest = rest.substr(0, rest.rfind(behind));
  }
  return decode_openai_error(status, "", without_escapes(rest));
}

/// The log's word for an uncaught exception: JSON with error_type, error_message and a traceback.
std::string exception_detail(std::string_view text) {
  boost::system::error_code ec;
  const json::value value = json::parse(text, ec);
  if (ec || !value.is_object()) {
    return {};
  }
  std::string detail;
  for (const std::string_view name : {"error_type", "error_message"}) {
    const json::value* member = value.get_object().if_contains(name);
    if (member != nullptr && member->is_string()) {
      detail.append(detail.empty() ? "" : ": ").append(member->get_string());
    }
  }
  return detail;
}

Error timed_out_there() {
  Error error = timed_out("The model server did not finish the work in time.");
  error.origin = Origin::Upstream;
  error.detail = "the provider's job timed out";
  return error;
}

Error cancelled_there() {
  // Somebody's decision at the provider: the same work is not handed over again.
  Error error = upstream_failed("The work was cancelled at the model server.");
  error.code = "upstream_cancelled";
  error.permanent = true;
  return error;
}

Error empty_result() {
  Error error = upstream_failed("The model server finished without a result.",
                                "COMPLETED without output; it may have been too large");
  error.code = "upstream_empty_result";
  return error;
}

/// Events as a worker's handler yields them: texts are slices of a stream, anything else is one
/// event.
void append_output(const json::value& output, std::string& bytes) {
  if (output.is_string()) {
    bytes.append(output.get_string());
  } else if (!output.is_null()) {
    bytes.append("data: ").append(json::serialize(output)).append("\n\n");
  }
}

class Jobs final : public RemoteJobs {
 public:
  enum class Chats : std::uint8_t { Elsewhere, Here };
  explicit Jobs(Chats chats) : chats_(chats) {}

  Result<WireRequest> encode_run(std::string_view input, milliseconds time,
                                 const TargetName& target) const override {
    const milliseconds run = std::clamp(time, kShortestRun, kLongest);
    const milliseconds kept = std::min(2 * run + kRetention, kLongest);
    WireRequest wire;
    wire.path = runpod_path(target, "/run");
    wire.fields = "Content-Type: application/json\r\nAccept-Encoding: identity\r\n";
    wire.owned.reserve(input.size() + 96);
    wire.owned.append(R"({"input":)").append(input);
    wire.owned.append(R"(,"policy":{"executionTimeout":)").append(std::to_string(run.count()));
    wire.owned.append(R"(,"ttl":)").append(std::to_string(kept.count())).append("}}");
    if (wire.owned.size() > kMaxPayload) {
      return fail(too_large("The request is larger than the model server takes (10 MB)."));
    }
    wire.add(wire.owned);
    return wire;
  }

  Result<std::string> read_run(std::string_view body) const override {
    boost::system::error_code ec;
    const json::value value = json::parse(body, ec);
    const json::value* id =
        !ec && value.is_object() ? value.get_object().if_contains("id") : nullptr;
    if (id == nullptr || !id->is_string() || !is_id(id->get_string())) {
      return fail(no_job("no job id in the answer to /run: " + shortened(body)));
    }
    return std::string(id->get_string());
  }

  WireRequest encode_status(std::string_view id, const TargetName& target) const override {
    WireRequest wire;
    wire.method = "GET";
    wire.path = runpod_path(target, "/status/").append(id);
    wire.fields = "Accept-Encoding: identity\r\n";
    return wire;
  }

  Result<RemoteState> read_status(std::string_view body) const override;

  std::optional<Error> lost(int status, std::string_view retry_after,
                            std::string_view body) const override {
    constexpr int kServerError = 500;
    if (status == 408 || status == 429 || status >= kServerError) {
      return std::nullopt;
    }
    if (status == 404) {
      Error error = upstream_failed("The model server no longer knows the work it was given.",
                                    "the provider's job has expired or was purged");
      error.code = "upstream_job_lost";
      return error;
    }
    return decode_openai_error(status, retry_after, body);
  }

  bool carries_chats() const override { return chats_ == Chats::Here; }
  WireRequest encode_stream(std::string_view id, const TargetName& target) const override {
    WireRequest wire;
    wire.method = "GET";
    wire.path = runpod_path(target, "/stream/").append(id);
    wire.fields = "Accept-Encoding: identity\r\n";
    return wire;
  }
  Result<RemoteOutput> read_stream(std::string_view body) const override;
  Result<std::string> read_chat_output(std::string_view output_json) const override;

  WireRequest encode_cancel(std::string_view id, const TargetName& target) const override {
    WireRequest wire;
    wire.path = runpod_path(target, "/cancel/").append(id);
    wire.fields = "Content-Type: application/json\r\nAccept-Encoding: identity\r\n";
    wire.add("{}");
    return wire;
  }

 private:
  const Chats chats_;
};

/// The members of a job object; the output as the bytes it came in.
struct JobObject {
  std::string id;
  std::string status;
  std::string error;
  std::string output_json;
  std::string worker;
  std::int64_t delay_ms = -1;
  std::int64_t execution_ms = -1;
};

std::string text_or_json(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) {
    return {};
  }
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

std::int64_t number_or_unknown(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_int64() && value->get_int64() >= 0 ? value->get_int64() : -1;
}

std::optional<JobObject> read_job(std::string_view body) {
  boost::system::error_code ec;
  json::parse_options deep;
  constexpr std::size_t kMaxDepth = 256;
  deep.max_depth = kMaxDepth;
  const json::value value = json::parse(body, ec, {}, deep);
  if (ec || !value.is_object()) {
    return std::nullopt;
  }
  const json::object& object = value.get_object();
  return JobObject{.id = text_or_json(object, "id"),
                   .status = text_or_json(object, "status"),
                   .error = text_or_json(object, "error"),
                   .output_json = raw_member(body, "output").value_or(""),
                   .worker = text_or_json(object, "workerId"),
                   .delay_ms = number_or_unknown(object, "delayTime"),
                   .execution_ms = number_or_unknown(object, "executionTime")};
}

Result<RemoteState> Jobs::read_status(std::string_view body) const {
  auto job = read_job(body);
  if (!job || job->status.empty()) {
    return fail(no_job("no job in the answer to /status: " + shortened(body)));
  }
  RemoteState state;
  state.id = job->id;
  state.delay_ms = job->delay_ms;
  state.execution_ms = job->execution_ms;
  state.worker = shortened(job->worker);
  const auto is = [&](std::string_view name) { return ascii_equal_ignore_case(job->status, name); };
  using Phase = RemoteState::Phase;
  if (is("COMPLETED")) {
    const bool empty = job->output_json.empty() || job->output_json == "null";
    state.phase = empty ? Phase::Failed : Phase::Succeeded;
    if (empty) {
      state.failure = empty_result();
    }
    state.output_json = empty ? std::string() : std::move(job->output_json);
  } else if (is("FAILED")) {
    state.phase = Phase::Failed;
    state.failure = decode_runpod_failure(job->error);
  } else if (is("TIMED_OUT")) {
    state.phase = Phase::Failed;
    state.failure = timed_out_there();
  } else if (is("CANCELLED")) {
    state.phase = Phase::Failed;
    state.failure = cancelled_there();
  } else {
    // A state of tomorrow is not an end.
    state.phase = is("IN_QUEUE") ? Phase::Queued : Phase::Running;
  }
  return state;
}

Result<RemoteOutput> Jobs::read_stream(std::string_view body) const {
  boost::system::error_code ec;
  const json::value value = json::parse(body, ec);
  const json::object* const object = !ec && value.is_object() ? &value.get_object() : nullptr;
  const std::string status = object != nullptr ? text_or_json(*object, "status") : std::string();
  if (status.empty()) {
    return fail(no_job("no job in the answer to /stream: " + shortened(body)));
  }
  RemoteOutput output;
  const json::value* const parts = object->if_contains("stream");
  if (parts != nullptr && parts->is_array()) {
    for (const json::value& part : parts->get_array()) {
      const json::value* const given =
          part.is_object() ? part.get_object().if_contains("output") : nullptr;
      if (given != nullptr) {
        append_output(*given, output.bytes);
      }
    }
  }
  constexpr std::array<std::string_view, 4> kEnds = {"COMPLETED", "FAILED", "TIMED_OUT",
                                                     "CANCELLED"};
  output.ended = std::ranges::any_of(
      kEnds, [&](std::string_view end) { return ascii_equal_ignore_case(status, end); });
  return output;
}

Result<std::string> Jobs::read_chat_output(std::string_view output_json) const {
  boost::system::error_code ec;
  const json::value value = json::parse(output_json, ec);
  if (!ec && value.is_object()) {
    return std::string(output_json);
  }
  if (ec || !value.is_array() || value.get_array().empty()) {
    return fail(no_job("no answer in the output of the job: " + shortened(output_json)));
  }
  const json::array& parts = value.get_array();
  if (parts.size() == 1 && parts.front().is_object()) {
    // The one element as the bytes it came in.
    const std::size_t begin = output_json.find('[') + 1;
    return std::string(output_json.substr(begin, output_json.rfind(']') - begin));
  }
  std::string bytes;
  for (const json::value& part : parts) {
    append_output(part, bytes);
  }
  return bytes;
}

}  // namespace

const RemoteJobs& runpod_jobs() {
  static const Jobs kJobs(Jobs::Chats::Elsewhere);
  return kJobs;
}

const RemoteJobs& runpod_queue_jobs() {
  static const Jobs kJobs(Jobs::Chats::Here);
  return kJobs;
}

std::string runpod_path(const TargetName& target, std::string_view operation) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:=,;@!$&'()*+";
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string path = "/";
  for (const char c : target.endpoint) {
    if (kPlain.find(c) != std::string_view::npos) {
      path.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    path.push_back('%');
    path.push_back(kDigits[byte >> 4U]);
    path.push_back(kDigits[byte & 15U]);
  }
  return path.append(operation);
}

Error decode_runpod_failure(std::string_view text) {
  if (auto refusal = refusal_behind_worker(text)) {
    return std::move(*refusal);
  }
  std::string detail = exception_detail(text);
  if (detail.empty()) {
    detail = text.substr(0, text.find("\ntraceback:"));
  }
  return upstream_failed("The model server failed to do the work.",
                         "the provider's job failed: " + shortened(detail));
}

}  // namespace headgate::providers
