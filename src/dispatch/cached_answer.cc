#include "dispatch/cached_answer.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/json_view.h"
#include "base/recycler.h"
#include "dialects/dialect.h"
#include "dispatch/answer_head.h"

namespace headgate::dispatch {
namespace {

using model::Dialect;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kEventStream = "text/event-stream";

/// Kinds whose answer is the same each time.
bool repeats_itself(model::Kind kind) {
  constexpr std::array<std::string_view, 3> kKinds = {"embedding", "moderation", "rerank"};
  return std::ranges::find(kKinds, name_of(kind)) != kKinds.end();
}

/// Whether the request asks for an answer that does not differ from time to time: by a temperature
/// of 0, or by a seed, which asks for just that as far as the vendor can.
bool asks_for_the_same(const model::InferenceRequest& request, const JsonObject& body) {
  if (repeats_itself(request.kind)) {
    return true;
  }
  if (request.kind != model::Kind::Chat && request.kind != model::Kind::Completion) {
    return false;
  }
  const auto temperature = body["temperature"].number();
  return (temperature && *temperature == 0) ||
         (request.dialect == Dialect::OpenAi && body["seed"].given());
}

/// Members that are not the answer's business, or that the key holds in another form.
bool is_left_out(Dialect dialect, std::string_view member) {
  constexpr std::array<std::string_view, 4> kOfOpenAi = {"metadata", "prompt_cache_key",
                                                         "prompt_cache_retention", "store"};
  return member == "model" || member == "stream" ||
         (dialect == Dialect::OpenAi && std::ranges::find(kOfOpenAi, member) != kOfOpenAi.end());
}

/// So that no two lists of parts look the same.
void add_part(std::string& text, std::string_view part) {
  text.append(std::to_string(part.size())).append(":").append(part);
}

/// The events of a kept answer, at once.
class KeptEvents final : public edge::BodyStream, public Recycled {
 public:
  explicit KeptEvents(std::shared_ptr<const KeptAnswer> kept) : kept_(std::move(kept)) {}
  Task<Result<std::string_view>> next() override { co_return take(); }
  std::optional<Result<std::string_view>> at_hand() override { return take(); }

 private:
  Result<std::string_view> take() {
    return std::exchange(sent_, true) ? std::string_view() : std::string_view(kept_->body);
  }

  std::shared_ptr<const KeptAnswer> kept_;  // shared with the cache
  bool sent_ = false;
};

/// Passes an answer on and keeps it when its end has come.
class KeepingStream final : public edge::BodyStream, public Recycled {
 public:
  struct Keep {
    ResponseCache* cache;
    Sha256 key;
    std::chrono::milliseconds ttl;
    std::string_view ping;  ///< is not kept; static
  };
  KeepingStream(std::unique_ptr<edge::BodyStream> inner, Keep keep,
                std::optional<std::uint64_t> length, const model::RequestContext& context)
      : inner_(std::move(inner)), keep_(keep), length_(length), context_(context) {}

  Task<Result<std::string_view>> next() override {
    auto piece = co_await inner_->next();
    if (over_) {
      co_return piece;
    }
    if (!piece || !context_.error_code.empty()) {
      give_up();  // it broke off, maybe with an event that says so
      co_return piece;
    }
    if (*piece != keep_.ping) {
      body_.append(*piece);
    }
    if (body_.size() > keep_.cache->max_answer()) {
      give_up();
    } else if (piece->empty() || (length_ && body_.size() >= *length_)) {
      const SteadyTime now = std::chrono::steady_clock::now();
      keep_.cache->keep(
          keep_.key,
          {.body = std::exchange(body_, {}), .provider = context_.provider, .kept_at = now},
          now + keep_.ttl);
      give_up();
    }
    co_return piece;
  }

 private:
  void give_up() {
    over_ = true;
    body_ = {};
  }

  std::unique_ptr<edge::BodyStream> inner_;
  const Keep keep_;
  const std::optional<std::uint64_t> length_;
  const model::RequestContext& context_;
  std::string body_;
  bool over_ = false;
};

}  // namespace

std::optional<Sha256> cache_key(const routing::Model& model, const model::InferenceRequest& request,
                                const model::RequestContext& context) {
  using Use = model::CacheWish::Use;
  if (model.cache.ttl.count() == 0 || context.cache_wish.use == Use::None ||
      context.ledger != nullptr || context.principal == nullptr) {
    return std::nullopt;
  }
  const JsonView json(request.body);
  if (!json.is_object()) {
    return std::nullopt;  // a form
  }
  const JsonObject body = json;
  const bool wanted = model.cache.of == routing::CacheRule::Of::All || context.cache_wish.any;
  if (!wanted && !asks_for_the_same(request, body)) {
    return std::nullopt;
  }
  std::string text;
  text.reserve(request.body.size() + 256);
  add_part(text, context.principal->id);
  add_part(text, model.rules.empty() ? std::string_view() : context.client_id);
  add_part(text, context.route);
  add_part(text, model::name_of(request.kind));
  add_part(text, model.name);
  add_part(text, request.delivery == model::Delivery::Stream ? "stream" : "whole");
  add_part(text, request.fields);
  for (const JsonMember& member : body.members()) {
    if (!is_left_out(request.dialect, member.name)) {
      add_part(text, member.name);
      add_part(text, member.value.raw());
    }
  }
  return sha256(text);
}

edge::Response answer_from(std::shared_ptr<const KeptAnswer> kept, model::Delivery delivery,
                           model::RequestContext& context, SteadyTime now) {
  context.cache = model::CacheOutcome::Hit;
  context.streamed = delivery == model::Delivery::Stream;
  edge::Response response;
  if (context.streamed) {
    announce_events(response);
  }
  add_answer_fields(response, context, kept->provider);
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - kept->kept_at);
  response.add_field("age", std::to_string(age.count()));
  if (context.streamed) {
    response.stream = std::make_unique<KeptEvents>(std::move(kept));
  } else {
    response.body = kept->body;
  }
  return response;
}

void keep_answer(ResponseCache& cache, const Sha256& key, std::chrono::milliseconds ttl,
                 Dialect dialect, edge::Response& response, const model::RequestContext& context) {
  const bool is_known =
      response.content_type == kJson || response.content_type.starts_with(kEventStream);
  if (!is_known) {
    return;  // answer_from() could not tell what it is
  }
  if (response.stream) {
    const KeepingStream::Keep keep{
        .cache = &cache, .key = key, .ttl = ttl, .ping = dialects::dialect_for(dialect).ping()};
    response.stream = std::make_unique<KeepingStream>(std::move(response.stream), keep,
                                                      response.stream_length, context);
    return;
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  cache.keep(key, {.body = response.body, .provider = context.provider, .kept_at = now}, now + ttl);
}

}  // namespace headgate::dispatch
