#include "api/response_items.h"

#include <chrono>
#include <optional>
#include <utility>

#include "api/request_members.h"
#include "base/hash.h"

namespace headgate::api {
namespace {

constexpr std::chrono::hours kLifetime{1};
constexpr std::uint64_t kMaxItem = 1U << 20U;
/// A request that is put together.
constexpr std::size_t kMaxBody = 32U << 20U;
constexpr std::string_view kReference = "item_reference";

Sha256 key_of(std::string_view principal, std::string_view id) {
  std::string text = std::to_string(principal.size());
  return sha256(text.append(":").append(principal).append(id));
}

Error no_such_item(const std::string& id) {
  Error error =
      not_found("Item with id '" + id +
                "' not found. Items are kept for an hour at most, and not with \"store\": "
                "false: send the item itself.");
  error.param = "input";
  return error;
}

/// The output of the response that `piece`, whole events, tells the end of; missing if it does not.
JsonView output_at_the_end(std::string_view piece) {
  for (const std::string_view event : {std::string_view("event: response.completed\ndata: "),
                                       std::string_view("event: response.incomplete\ndata: ")}) {
    // No text in an event can hold a line break.
    if (const std::size_t at = piece.rfind(event); at != std::string_view::npos) {
      const std::string_view data = piece.substr(at + event.size());
      return JsonView(data.substr(0, data.find('\n')))["response"]["output"];
    }
  }
  return {};
}

/// Hands a stream on and keeps the items that its end tells of.
class ItemStream final : public edge::BodyStream {
 public:
  ItemStream(std::unique_ptr<edge::BodyStream> inner, ResponseItems& items,
             const model::RequestContext& context)
      : inner_(std::move(inner)), items_(items), context_(context) {}

  Task<Result<std::string_view>> next() override {
    auto piece = co_await inner_->next();
    if (piece) {
      items_.keep(context_.principal->id, output_at_the_end(*piece));
    }
    co_return piece;
  }

 private:
  std::unique_ptr<edge::BodyStream> inner_;
  ResponseItems& items_;
  const model::RequestContext& context_;
};

}  // namespace

ResponseItems::ResponseItems(std::uint64_t max_memory)
    : items_({.max_memory = max_memory, .max_answer = kMaxItem}) {}

void ResponseItems::set_max_memory(std::uint64_t max_memory) {
  items_.set_limits({.max_memory = max_memory, .max_answer = kMaxItem});
}

void ResponseItems::keep(std::string_view principal, const JsonView& output) {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const JsonView& item : output.items()) {
    const auto id = item["id"].text();
    if (id && !id->empty()) {
      items_.keep(key_of(principal, *id),
                  {.body = std::string(item.raw()), .provider = {}, .kept_at = now},
                  now + kLifetime);
    }
  }
}

void ResponseItems::keep_from(edge::Response& response, const model::RequestContext& context) {
  if (!context.principal) {
    return;
  }
  if (response.stream) {
    response.stream = std::make_unique<ItemStream>(std::move(response.stream), *this, context);
    return;
  }
  keep(context.principal->id, JsonView(response.body)["output"]);
}

Result<std::string> ResponseItems::resolve(std::string_view body, std::string_view input,
                                           std::string_view principal) {
  if (input.find(kReference) == std::string_view::npos) {
    return std::string();
  }
  const SteadyTime now = std::chrono::steady_clock::now();
  std::string whole;
  std::size_t copied = 0;  // so much of the body
  for (const JsonView& item : JsonView(input).items()) {
    if (item["type"].text() != kReference) {
      continue;
    }
    const std::string id = item["id"].text().value_or("");
    const auto kept = items_.find(key_of(principal, id), now);
    if (!kept) {
      return fail(no_such_item(id));
    }
    const model::Span where = span_of(body, item.raw());
    whole.append(body.substr(copied, where.begin - copied)).append(kept->body);
    copied = where.end;
    if (whole.size() > kMaxBody) {
      return fail(too_large("The conversation with all that it names is larger than 32 MiB."));
    }
  }
  return copied == 0 ? std::string() : whole.append(body.substr(copied));
}

}  // namespace headgate::api
