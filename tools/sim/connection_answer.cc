#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <openssl/evp.h>

#include "sim/chat.h"
#include "sim/connection.h"
#include "sim/embeddings.h"

// What is played once a request is whole. Bytes come and go in connection.cc.

namespace headgate::sim {
namespace {

constexpr std::size_t kMaxEmbeddings = 2048;
/// How often a held answer looks whether its job went on.
constexpr std::chrono::milliseconds kHeldTurn{5};

std::string hex_text(evp_md_ctx_st* digest) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(digest, bytes.data(), &size);
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

}  // namespace

Incoming Connection::incoming() const {
  std::string_view target = head_.target;
  std::size_t mark = std::min(target.find('?'), target.size());
  return {.method = head_.method,
          .path = target.substr(0, mark),
          .query = target.substr(std::min(mark + 1, target.size())),
          .fields = head_.fields,
          .body = body_,
          .now = shared_.now};
}

void Connection::answer() {
  std::string_view path = head_.path();
  RequestRecord* record = tracked_ ? shared_.log.find(request_number_) : nullptr;
  protocol_ = protocol_of(path, head_.fields);
  if (record) {
    record->body_bytes = body_bytes_;
    record->body_start = body_start_;
    record->model = scan_.model().value_or("");
    record->stream = scan_.stream();
    record->protocol = protocol_;
    if (digest_) {
      record->body_sha256 = hex_text(digest_.get());
    }
  }
  if (!tracked_) {
    answer_admin(path);
    return;
  }
  bool health = head_.method == "GET" && (path == "/health" || path == "/ping");
  if (health && !shared_.service.down()) {
    play(std::make_shared<const Script>(
        make_script({}, manner(), "", json_reply(Protocol::OpenAi, "{}"))));
    return;
  }
  if (auto away = shared_.service.turn_away(protocol_, incoming())) {
    away->model = scan_.model().value_or(away->model);
    ask(*std::move(away));
    return;
  }
  if (path.starts_with("/v1/")) {
    path.remove_prefix(3);
  }
  bool post = head_.method == "POST";
  bool done = false;
  if (post && path == "/chat/completions") {
    done = ask_plain(Endpoint::Chat);
  } else if (post && path == "/completions") {
    done = ask_plain(Endpoint::Completion);
  } else if (post && path == "/embeddings") {
    done = ask_embeddings();
  }
  if (!done) {
    ask_service(nullptr);
  }
}

/// Requests that ask for nothing special are answered without their whole body. False: this one is
/// not among them.
bool Connection::ask_plain(Endpoint endpoint) {
  if (!scan_.complete() || !scan_.model()) {
    refuse(400, scan_.complete() ? "missing_required_parameter" : "invalid_json",
           scan_.complete() ? "Missing required parameter: 'model'."
                            : "The body is not a JSON object.");
    return true;
  }
  Model& model = shared_.service.models().find(*scan_.model());
  if (model.error()) {
    refuse(400, "invalid_value", *model.error());
    return true;
  }
  if (!model.echoes() && (scan_.extended() || model.follows_body())) {
    return false;
  }
  const Behaviour& behaviour = model.next(endpoint == Endpoint::Chat ? "chat" : "completions");
  ChatShape shape{.endpoint = endpoint,
                  .stream = scan_.stream(),
                  .include_usage = scan_.include_usage(),
                  .model = *scan_.model()};
  std::size_t limit = scan_.max_tokens().value_or(SIZE_MAX);
  bool fixed = behaviour.content == Content::Words && behaviour.retry_date.count() == 0 &&
               !head_.close && !head_.http10 && limit >= behaviour.token_count();
  if (fixed) {
    play(model.plain_script(behaviour, shape));
    return true;
  }
  if (behaviour.content == Content::RequestBody && body_.size() != body_bytes_) {
    refuse(413, "request_too_large", "The body is longer than --keep-body.");
    return true;
  }
  Demand demand;
  demand.max_tokens = limit;
  demand.echo_body = body_;
  demand.echo_fields = head_.fields;
  play(std::make_shared<const Script>(
      make_script(behaviour, manner(), shape.model, chat_reply(behaviour, shape, demand))));
  return true;
}

/// Texts are only counted, so that a large request need not be kept. False as above.
bool Connection::ask_embeddings() {
  std::size_t inputs = scan_.inputs();
  if (!scan_.complete() || !scan_.model() || inputs == 0 || inputs > kMaxEmbeddings) {
    return false;
  }
  auto picked = shared_.service.pick(*scan_.model(), "embeddings");
  if (auto* failure = std::get_if<Failure>(&picked)) {
    refuse(failure->status, failure->code, failure->message);
    return true;
  }
  const auto& behaviour = std::get<Behaviour>(picked);
  Reply reply = json_reply(
      Protocol::OpenAi,
      embeddings_body(*scan_.model(), inputs, scan_.dimensions().value_or(behaviour.dimensions),
                      behaviour.prompt_tokens,
                      scan_.base64_embeddings() ? Encoding::Base64 : Encoding::Float));
  reply.tokens = 1;
  play(std::make_shared<const Script>(
      make_script(behaviour, manner(), *scan_.model(), std::move(reply))));
  return true;
}

void Connection::ask_service(const Held* held) {
  if (body_.size() != body_bytes_) {
    refuse(413, "request_too_large", "The body is longer than --keep-body.");
    return;
  }
  ask(shared_.service.answer(protocol_, incoming(), held));
}

void Connection::ask(Answer answer) {
  if (RequestRecord* record = shared_.log.find(request_number_)) {
    record->model = answer.model.empty() ? record->model : answer.model;
    record->stream = answer.stream;
  }
  if (answer.held) {
    state_ = State::Held;
    wake_at_ = std::min(answer.held->until, shared_.now + kHeldTurn);
    held_ = std::move(answer.held);
    return;
  }
  held_.reset();
  play(std::make_shared<const Script>(
      make_script(answer.behaviour, manner(), answer.model, std::move(answer.reply))));
}

void Connection::answer_admin(std::string_view path) {
  std::string body;
  bool get = head_.method == "GET";
  if (path == "/sim/log" && get) {
    body = R"({"stats":)";
    shared_.stats.append_json(body);
    body += R"(,"down":)";
    body += shared_.service.down() ? "true" : "false";
    body += R"(,"models":)";
    shared_.service.models().append_json(body);
    body += R"(,"requests":)";
    shared_.log.append_json(body);
    body += '}';
  } else if (path == "/sim/log" && head_.method == "DELETE") {
    shared_.log.clear();
    shared_.service.forget();
    shared_.stats.requests = shared_.stats.in_flight;
    shared_.stats.answered = 0;
    shared_.stats.aborted = 0;
    shared_.stats.accepted_connections = shared_.stats.open_connections;
    shared_.stats.append_json(body);
  } else if (path == "/sim/stats" && get) {
    shared_.stats.append_json(body);
  } else if (path == "/sim/jobs" && get) {
    shared_.service.jobs().append_json(body, shared_.now);
  } else if (head_.method == "POST") {
    if (auto error = shared_.service.control(path, body_)) {
      refuse(400, "invalid_value", *error);
      return;
    }
    body = "{}";
  } else {
    refuse(404, "unknown_url", "There is /sim/log, /sim/stats and /sim/jobs.");
    return;
  }
  play(std::make_shared<const Script>(
      make_script({}, manner(), "", json_reply(Protocol::OpenAi, std::move(body)))));
}

void Connection::refuse(int status, std::string_view code, std::string_view message) {
  Behaviour plain;
  plain.vllm_errors = shared_.options.behaviour.vllm_errors;
  play(std::make_shared<const Script>(make_script(
      plain, manner(), "", error_reply(protocol_, plain, {status, code, std::string(message)}))));
}

}  // namespace headgate::sim
