#include "api/document_endpoints.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "api/remote_documents.h"
#include "base/encoding.h"
#include "dispatch/remote_job.h"
#include "documents/classify.h"
#include "documents/extract.h"
#include "documents/ocr_output.h"
#include "documents/reader.h"
#include "limits/pricing.h"
#include "upstream/fetch_policy.h"

namespace headgate::api {

/// What the request asks for, checked before any work is done.
struct DocumentPlan {
  std::string model;
  std::shared_ptr<const routing::Model> line;  // shared with the catalog: a reload may drop it
  std::optional<documents::DocumentType> type;
  std::string output = "text";
  std::string resolution;  ///< by name
  documents::ReadOptions read;
  std::chrono::milliseconds keep_for{0};  ///< what is found
};

namespace {

using documents::DocumentType;
using Work = Documents::Work;

/// What tells of pages that could not be read; no text in an answer can hold it, for its quotes.
constexpr std::string_view kFailedPages = R"(,"failed_pages":[)";

/// All pages of a request's documents, numbered through, and those that could not be read.
struct Pages {
  std::vector<model::PageReading> read;
  std::string failed_json;  ///< items of an array
  std::size_t count = 0;
};

std::string_view default_model(Work work) {
  switch (work) {
    case Work::Ocr:
      return "document-ocr";
    case Work::Classify:
      return "document-classifier";
    case Work::Extract:
      return "document-extractor";
  }
  return "document-ocr";
}

Failure bad_choice(const std::string& field, std::string_view given, const std::string& allowed) {
  return fail(invalid_request("'" + field + "' is '" + std::string(given.substr(0, 64)) +
                                  "'; it must be one of: " + allowed,
                              field));
}

bool reads_documents(const routing::Target& target) {
  return target.embedded || target.protocol->remote_jobs() != nullptr;
}

model::Kind kind_of(Work work) {
  switch (work) {
    case Work::Ocr:
      return model::Kind::Ocr;
    case Work::Classify:
      return model::Kind::Classify;
    case Work::Extract:
      break;
  }
  return model::Kind::Extract;
}

Result<DocumentPlan> make_plan(Work work, const DocumentRequest& request,
                               const DocumentEngine& engine, const config::Settings& settings) {
  DocumentPlan plan;
  plan.model = request.model.empty() ? std::string(default_model(work)) : request.model;
  auto model = engine.services.catalogs.here()->find(plan.model);
  if (!model) {
    return fail(model.error());
  }
  plan.model = (*model)->name;
  plan.line = *model;
  if (!std::ranges::any_of((*model)->targets, reads_documents)) {
    return fail(
        invalid_request("The model '" + plan.model + "' does not read documents.", "model"));
  }
  plan.resolution = request.resolution.empty() ? settings.documents.resolution : request.resolution;
  if (!documents::parse_resolution(plan.resolution, plan.read.resolution)) {
    return bad_choice("resolution", plan.resolution, "tiny, small, base, large, gundam");
  }
  plan.keep_for = plan.line->cache.ttl;
  if (work == Work::Classify && plan.keep_for.count() == 0) {
    plan.keep_for = settings.cache.classify_ttl;
  }
  if (!request.doc_type.empty()) {
    plan.type = documents::parse_document_type(request.doc_type);
    if (!plan.type) {
      std::string allowed;
      for (std::size_t i = 0; i < documents::kDocumentTypes; ++i) {
        allowed.append(i == 0 ? "" : ", ").append(documents::name_of(static_cast<DocumentType>(i)));
      }
      return bad_choice("doc_type", request.doc_type, allowed);
    }
  }
  constexpr std::array<std::string_view, 4> kOutputs = {"text", "markdown", "layout", "json"};
  if (!request.output.empty()) {
    if (std::ranges::find(kOutputs, std::string_view(request.output)) == kOutputs.end()) {
      return bad_choice("output", request.output, "text, markdown, layout, json");
    }
    plan.output = request.output;
  }
  return plan;
}

Task<Result<Pages>> read_pages(const DocumentEngine& engine,
                               std::vector<std::shared_ptr<const documents::Document>> documents,
                               documents::ReadOptions options, CancelSource& cancel) {
  Pages pages;
  std::optional<Error> first_error;
  for (auto& document : documents) {
    auto reading =
        co_await documents::read_document(*engine.workers, std::move(document), options, cancel);
    if (!reading) {
      if (documents.size() == 1 || reading.error().kind == ErrorKind::ClientLeft ||
          http_status(reading.error().kind) < 500) {
        co_return fail(reading.error());
      }
      first_error = first_error ? first_error : std::optional(reading.error());
      ++pages.count;
      continue;
    }
    for (documents::PageResult& page : reading->pages) {
      ++pages.count;
      if (page.reading) {
        page.reading->number = static_cast<std::uint32_t>(pages.count);
        pages.read.push_back(std::move(*page.reading));
        continue;
      }
      const Error& error = page.reading.error();
      pages.failed_json.append(pages.failed_json.empty() ? "" : ",")
          .append(R"({"page":)" + std::to_string(pages.count) + R"(,"code":)" +
                  json_quote(wire_code(error)) + R"(,"message":)" + json_quote(error.message) +
                  "}");
    }
  }
  if (pages.read.empty() && first_error) {
    co_return fail(*first_error);
  }
  co_return pages;
}

std::string number(double value) {
  std::array<char, 32> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.3f", std::clamp(value, 0.0, 1.0));
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string ocr_json(const DocumentPlan& plan, const Pages& pages) {
  const std::span<const model::PageReading> read = pages.read;
  std::string json =
      R"("output":")" + plan.output + R"(","page_count":)" + std::to_string(pages.count);
  const auto merge = [&json](const std::string& object) {
    json.append(",").append(object, 1, object.size() - 2);  // members without the braces
  };
  if (plan.output == "json") {
    merge(documents::pages_as_json(read));
  } else if (plan.output == "layout") {
    merge(documents::pages_as_layout(read));
  } else if (plan.output == "markdown") {
    json.append(R"(,"markdown":)").append(json_quote(documents::pages_as_markdown(read)));
  } else {
    json.append(R"(,"text":)").append(json_quote(documents::pages_as_text(read)));
  }
  return json;
}

DocumentFindings classify_json(const Pages& pages) {
  const documents::Classification found = documents::classify(pages.read);
  return {.members = R"("type":)" + json_quote(documents::name_of(found.type)) +
                     R"(,"confidence":)" + number(found.confidence) + R"(,"reasoning":)" +
                     json_quote(found.reasoning),
          .confidence = found.confidence};
}

/// How an answer came about.
struct Origin {
  std::string_view provider;
  std::string_view members{};  ///< of the answer, beside those of every one
  std::string fields{};        ///< header lines
};

edge::Response make_answer(const DocumentPlan& plan, const std::string& members,
                           const Origin& origin, const model::RequestContext& context) {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - context.started);
  edge::Response response;
  response.body = "{" + members + R"(,"latency_ms":)" + std::to_string(elapsed.count()) +
                  R"(,"model":)" + json_quote(plan.model) + R"(,"provider":)" +
                  json_quote(origin.provider) + R"(,"request_id":)" +
                  json_quote(context.request_id);
  response.body.append(origin.members).append("}");
  response.fields = origin.fields;
  response.add_field("x-headgate-model", plan.model);
  response.add_field("x-headgate-provider", origin.provider);
  response.add_field("x-headgate-attempts", std::to_string(context.attempts));
  response.add_field("x-headgate-cache", model::name_of(context.cache));
  return response;
}

DocumentFindings extract_json(const DocumentPlan& plan, const DocumentRequest& request,
                              const Pages& pages) {
  const DocumentType type = plan.type ? *plan.type : documents::classify(pages.read).type;
  const documents::Extraction found = documents::extract(pages.read, type);
  std::string json = R"("data":)" + found.data_json + R"(,"confidence":)" +
                     number(found.confidence) + R"(,"doc_type":)" +
                     json_quote(documents::name_of(type)) + R"(,"page_count":)" +
                     std::to_string(pages.count);
  if (request.include_raw) {
    json.append(R"(,"raw_ocr":)").append(json_quote(found.raw_text));
  }
  return {.members = std::move(json), .confidence = found.confidence};
}

}  // namespace

/// What a target has found, and which.
struct Documents::Answer {
  DocumentFindings findings;
  std::string provider;
  std::string target;
  std::optional<std::chrono::milliseconds> remote_wait;
};

Result<JobPlan> Documents::plan(const edge::Request& http) const {
  auto request = parse_document_request(http);
  if (!request) {
    return fail(request.error());
  }
  auto plan = make_plan(work_, *request, engine_, *engine_.settings());
  if (!plan) {
    return fail(plan.error());
  }
  return JobPlan{.model = plan->model,
                 .work = static_cast<std::uint32_t>(
                     std::max<std::size_t>(1, request->urls.size() + request->files.size()))};
}

struct Documents::Prepared {
  DocumentRequest request;
  DocumentPlan plan;
  std::shared_ptr<const config::Settings> settings;  // shared with those who use the same ones
};

Result<Documents::Prepared> Documents::prepare(const edge::Request& http) const {
  auto request = parse_document_request(http);
  if (!request) {
    return fail(request.error());
  }
  auto settings = engine_.settings();
  if (const auto mode = http.field("x-resolution"); mode && request->resolution.empty()) {
    request->resolution = *mode;
  }
  auto plan = make_plan(work_, *request, engine_, *settings);
  if (!plan) {
    return fail(plan.error());
  }
  return Prepared{std::move(*request), std::move(*plan), std::move(settings)};
}

Task<std::optional<Sha256>> Documents::key_of(const Prepared& asked,
                                              const model::RequestContext& context) const {
  const DocumentCache::Question question{
      .kind = model::name_of(kind_of(work_)),
      .model = asked.plan.model,
      .resolution = asked.plan.resolution,
      .client = asked.plan.line->rules.empty() ? std::string_view() : context.client_id,
      .max_file_size = asked.settings->documents.max_file_size,
      .ttl = asked.plan.keep_for};
  co_return co_await engine_.cache->key_of(asked.request, question, context);
}

std::optional<edge::Response> Documents::find_kept(const Sha256& key, const Prepared& asked,
                                                   model::RequestContext& context) const {
  const auto found = engine_.cache->find(key, context);
  if (!found) {
    return std::nullopt;
  }
  context.cache = model::CacheOutcome::Hit;
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::steady_clock::now() - found->kept_at);
  return make_answer(asked.plan, found->body,
                     {.provider = found->provider,
                      .members = R"(,"cached":true)",
                      .fields = "age: " + std::to_string(age.count()) + "\r\n"},
                     context);
}

Task<std::optional<edge::Response>> Documents::kept(Call call) const {
  auto asked = prepare(call.http);
  if (!asked) {
    co_return std::nullopt;  // whoever asks hears why
  }
  const auto key = co_await key_of(*asked, call.context);
  if (!key) {
    co_return std::nullopt;
  }
  call.context.model = asked->plan.model;
  co_return find_kept(*key, *asked, call.context);
}

Task<Result<edge::Response>> Documents::handle(Call call) const {
  auto asked_for = prepare(call.http);
  if (!asked_for) {
    co_return fail(asked_for.error());
  }
  DocumentRequest* const request = &asked_for->request;
  DocumentPlan* const plan = &asked_for->plan;
  call.context.model = plan->model;
  const auto key = co_await key_of(*asked_for, call.context);
  if (key) {
    if (auto found = find_kept(*key, *asked_for, call.context)) {
      co_return std::move(*found);
    }
    call.context.cache = model::CacheOutcome::Miss;
  }
  if (!dispatch::try_enter_line(*engine_.lines, *plan->line, call.context)) {
    auto entered = co_await dispatch::wait_in_line(*engine_.lines, *plan->line, call.context);
    if (!entered) {
      co_return fail(entered.error());
    }
  }
  model::InferenceRequest asked;
  asked.kind = kind_of(work_);
  asked.model = plan->model;
  asked.body = call.http.body;
  dispatch::Attempts attempts(engine_.services, plan->line, std::move(asked), call.context);
  auto chosen = attempts.choose();
  if (!chosen) {
    co_return fail(chosen.error());
  }
  auto answered = co_await answer(*request, *plan, attempts);
  if (!answered) {
    co_return fail(answered.error());
  }
  call.context.provider = answered->provider;
  call.context.target = answered->target;
  const std::string& members = answered->findings.members;
  if (key && members.find(kFailedPages) == std::string::npos) {
    engine_.cache->keep(*key, members, plan->keep_for, call.context);
  }
  edge::Response response =
      make_answer(*plan, members, {.provider = call.context.provider}, call.context);
  if (answered->remote_wait) {
    response.add_field("x-headgate-remote-wait-ms", std::to_string(answered->remote_wait->count()));
  }
  response.add_field("x-headgate-cost", limits::usd_text(0));
  co_return response;
}

namespace {

Error not_sure() {
  Error error = upstream_failed("The answer was less sure than the model asks for.");
  error.code = "low_confidence";
  return error;
}

/// Chooses what to try after the embedded engine has failed. That may be the document's fault as
/// well as its own: its health does not suffer, and it is not asked again.
Result<void> leave_engine(const Error& error, dispatch::Attempts& attempts) {
  const bool no_fault = http_status(error.kind) < 500 || error.kind == ErrorKind::ClientLeft;
  if (no_fault || !attempts.leave_for_another(error)) {
    return fail(error);
  }
  return {};
}

}  // namespace

/// From whatever target gives one. Where the model asks for confidence, targets are asked in turn
/// until one has it; else the surest answer counts.
Task<Result<Documents::Answer>> Documents::answer(const DocumentRequest& request,
                                                  const DocumentPlan& plan,
                                                  dispatch::Attempts& attempts) const {
  const model::RequestContext& context = attempts.context();
  std::optional<Answer> best;
  while (true) {
    const bool here = attempts.chosen().embedded;
    auto wire = here ? providers::WireRequest() : encode_for(attempts, request);
    if (wire && !here && attempts.must_note()) {
      auto noted = co_await attempts.note();
      if (!noted && best) {
        co_return std::move(*best);
      }
      if (!noted) {
        co_return fail(noted.error());
      }
    }
    Result<DocumentFindings> found;
    if (here) {
      found = co_await read_here(request, plan, attempts);
    } else if (wire) {
      found = co_await read_there(request, attempts, std::move(*wire));
    } else {
      found = fail(wire.error());
    }
    if (!found) {
      auto again = here ? leave_engine(found.error(), attempts)
                        : co_await attempts.recover(found.error(), routing::Delivered::Nothing);
      if (again) {
        continue;
      }
      if (best && again.error().kind != ErrorKind::ClientLeft) {
        co_return std::move(*best);
      }
      co_return fail(again.error());
    }
    attempts.succeeded();
    if (!best || found->confidence > best->findings.confidence) {
      best = Answer{.findings = std::move(*found),
                    .provider = context.provider,
                    .target = context.target,
                    .remote_wait = attempts.current().remote_wait()};
    }
    if (best->findings.confidence >= attempts.min_confidence() ||
        !attempts.leave_for_another(not_sure())) {
      co_return std::move(*best);
    }
  }
}

Result<providers::WireRequest> Documents::encode_for(const dispatch::Attempts& attempts,
                                                     const DocumentRequest& request) const {
  if (!reads_documents(attempts.chosen())) {
    return fail(invalid_request("This model does not read documents.", "model"));
  }
  // Who fetches them is not known by name here, but where they may come from is.
  const auto settings = engine_.settings();
  for (const std::string& url : request.urls) {
    auto allowed = upstream::parse_fetch_url(url, settings->fetch);
    if (!allowed && is_web_url(url)) {
      Error error = allowed.error();
      error.param = "image_urls";
      return fail(std::move(error));
    }
  }
  auto input = encode_remote_documents(kind_of(work_), request);
  return input ? dispatch::encode_remotely(attempts, *input) : fail(input.error());
}

Task<Result<DocumentFindings>> Documents::read_there(const DocumentRequest& request,
                                                     dispatch::Attempts& attempts,
                                                     providers::WireRequest wire) const {
  auto output = co_await dispatch::run_remotely(attempts, std::move(wire));
  if (!output) {
    co_return fail(output.error());
  }
  co_return decode_remote_documents(kind_of(work_), request, *output);
}

Task<Result<DocumentFindings>> Documents::read_here(const DocumentRequest& request,
                                                    const DocumentPlan& plan,
                                                    dispatch::Attempts& attempts) const {
  model::RequestContext& context = attempts.context();
  if (context.ledger != nullptr) {
    const routing::Target& target = attempts.chosen();
    auto noted = co_await context.ledger->begin(target.provider, target.called());
    if (!noted) {
      co_return fail(noted.error());
    }
  }
  attempts.call_otherwise();
  auto documents = co_await engine_.sources->collect(request, context);
  if (!documents) {
    co_return fail(documents.error());
  }
  documents::ReadOptions options = plan.read;
  options.deadline = context.deadline;
  auto pages = co_await read_pages(engine_, std::move(*documents), options, context.cancel);
  if (!pages) {
    co_return fail(pages.error());
  }
  auto found = co_await engine_.pool->run([&] {
    switch (work_) {
      case Work::Ocr:
        return DocumentFindings{.members = ocr_json(plan, *pages)};
      case Work::Classify:
        return classify_json(*pages);
      case Work::Extract:
        break;
    }
    return extract_json(plan, request, *pages);
  });
  if (!found) {
    co_return fail(found.error());
  }
  if (!pages->failed_json.empty()) {
    found->members.append(kFailedPages).append(pages->failed_json).append("]");
  }
  co_return std::move(*found);
}

}  // namespace headgate::api
