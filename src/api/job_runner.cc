#include "api/job_runner.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/error_event.h"
#include "api/settled_answer.h"
#include "api/stream_assembler.h"
#include "base/encoding.h"
#include "base/http_text.h"
#include "base/json_check.h"
#include "providers/sse_splitter.h"

namespace headgate::api {
namespace {

constexpr std::size_t kMaxResult = 64U << 20U;

/// The next answer would be as large.
Error too_much_to_keep() {
  Error error = upstream_failed("The answer is larger than a job may keep (64 MiB).");
  error.permanent = true;
  return error;
}

Task<Result<std::string>> collect_whole(edge::BodyStream& stream) {
  std::string body;
  while (true) {
    auto piece = co_await stream.next();
    if (!piece) {
      co_return fail(piece.error());
    }
    if (piece->empty()) {
      co_return body;
    }
    if (body.size() + piece->size() > kMaxResult) {
      co_return fail(too_much_to_keep());
    }
    body.append(*piece);
  }
}

Task<Result<std::string>> collect_events(edge::BodyStream& stream,
                                         const model::RequestContext& context,
                                         const queue::DeltaSink& deltas) {
  providers::SseSplitter splitter;
  StreamAssembler assembler;
  std::size_t kept_bytes = 0;
  while (true) {
    auto piece = co_await stream.next();
    if (!piece) {
      co_return fail(piece.error());
    }
    if (piece->empty()) {
      co_return assembler.finish(context.input_tokens, context.output_tokens);
    }
    kept_bytes += piece->size();
    if (kept_bytes > kMaxResult) {
      co_return fail(too_much_to_keep());
    }
    auto fed = splitter.feed(*piece);
    if (!fed) {
      co_return fail(fed.error());
    }
    std::vector<std::string> fresh;
    std::optional<Error> broken;
    while (const auto event = splitter.next()) {
      if (event->data.empty() || event->data == "[DONE]") {
        continue;
      }
      broken = error_in(event->data);
      if (broken) {
        break;
      }
      assembler.add(event->data);
      // JSON has line breaks only between its parts; the log keeps one line for each event.
      std::ranges::replace(fresh.emplace_back(event->data), '\n', ' ');
    }
    if (!fresh.empty()) {
      auto kept = co_await deltas(std::move(fresh));
      if (!kept) {
        co_return fail(kept.error());
      }
    }
    if (broken) {
      co_return fail(std::move(*broken));
    }
  }
}

/// A text or a sound as the JSON that a job keeps.
Result<std::string> in_json(std::string_view type, std::string_view bytes) {
  std::string json = R"({"content_type":)" + json_quote(type);
  if (ascii_starts_with_ignore_case(type, "text/")) {
    json.append(R"(,"text":)").append(json_quote(bytes));
  } else {
    json.append(R"(,"data":")").append(base64(bytes)).append("\"");
  }
  json.append("}");
  if (json.size() > kMaxResult) {
    return fail(too_much_to_keep());
  }
  return json;
}

/// What an answer comes to, its stream read to the end.
Task<Result<std::string>> collect(edge::Response& response, model::RequestContext& context,
                                  const queue::DeltaSink& deltas) {
  const std::string type(response.media_type());
  const bool json = is_media_type(type, "application/json");
  if (!response.stream) {
    if (!json) {
      co_return in_json(type, response.body);
    }
    co_return std::move(response.body);
  }
  if (context.streamed) {
    co_return co_await collect_events(*response.stream, context, deltas);
  }
  auto whole = co_await collect_whole(*response.stream);
  if (whole && !json) {
    co_return in_json(type, *whole);
  }
  if (whole && !is_json(*whole)) {
    // A result stands inside the JSON of its job.
    co_return fail(upstream_failed("The model server's answer is not valid JSON."));
  }
  co_return whole;
}

}  // namespace

Task<Result<std::string>> EndpointRunner::run(const model::JobRequest& request,
                                              model::RequestContext& context,
                                              const queue::DeltaSink& deltas) const {
  const auto route = std::ranges::find_if(routes_, [&](const Route& candidate) {
    return candidate.method == edge::Method::Post && candidate.pattern == request.path;
  });
  if (route == routes_.end()) {
    co_return fail(not_found("This version of the gateway has no route " + request.path + "."));
  }
  context.route = route->pattern;
  context.kind = route->kind;
  std::string body = request.body;
  body.reserve(body.size() + edge::kBodyPadding);
  const std::array<edge::Field, 1> fields = {{{"content-type", request.content_type}}};
  edge::Request http;
  http.method = edge::Method::Post;
  http.method_name = "POST";
  http.path = request.path;
  http.fields = fields;
  http.body = body;
  auto admitted = admission_->admit_job(request.body, context);
  if (!admitted) {
    co_return fail(admitted.error());
  }
  auto response = co_await route->endpoint->handle(Call{http, context, {}});
  if (!response) {
    co_await context.spending->settle(model::end_of_failure(response.error().kind));
    co_return fail(response.error());
  }
  co_await settle_answer(*response, context);
  auto result = co_await collect(*response, context, deltas);
  co_await context.spending->settle(model::Spending::End::Cut);  // if it was not read to the end
  co_return result;
}

}  // namespace headgate::api
