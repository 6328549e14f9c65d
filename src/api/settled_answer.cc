#include "api/settled_answer.h"

#include <memory>
#include <utility>

#include "base/recycler.h"

namespace headgate::api {
namespace {

using End = model::Spending::End;

class SettledStream final : public edge::BodyStream, public Recycled {
 public:
  SettledStream(std::unique_ptr<edge::BodyStream> inner, model::RequestContext& context,
                std::uint64_t length)
      : inner_(std::move(inner)), context_(context), length_(length) {}

  Task<Result<std::string_view>> next() override {
    auto piece = co_await inner_->next();
    if (!context_.spending) {
      co_return piece;
    }
    if (!piece) {
      const bool refused = seen_ == 0;  // a stream learns of a refusal only when it is read
      co_await context_.spending->settle(refused ? model::end_of_failure(piece.error().kind)
                                                 : End::Cut);
      co_return piece;
    }
    seen_ += piece->size();
    if (piece->empty() || seen_ >= length_ || piece->ends_with("data: [DONE]\n\n")) {
      const bool broken = !context_.error_code.empty();  // told of by an event
      co_await context_.spending->settle(broken ? End::Cut : End::Complete);
    }
    co_return piece;
  }

 private:
  std::unique_ptr<edge::BodyStream> inner_;
  model::RequestContext& context_;
  const std::uint64_t length_;
  std::uint64_t seen_ = 0;
};

}  // namespace

Task<void> settle_answer(edge::Response& response, model::RequestContext& context) {
  if (response.stream) {
    response.stream = std::make_unique<SettledStream>(std::move(response.stream), context,
                                                      response.stream_length.value_or(UINT64_MAX));
    co_return;
  }
  co_await context.spending->settle(End::Complete);
}

}  // namespace headgate::api
