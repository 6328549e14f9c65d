#include "api/whole_answer.h"

#include <optional>
#include <string>
#include <utility>

#include "base/recycler.h"

namespace headgate::api {
namespace {

/// What has been read of an answer, and then the rest.
class ResumedStream final : public edge::BodyStream, public Recycled {
 public:
  ResumedStream(std::string read, std::unique_ptr<edge::BodyStream> rest)
      : read_(std::move(read)), rest_(std::move(rest)) {}

  Task<Result<std::string_view>> next() override {
    if (!std::exchange(resumed_, true)) {
      co_return std::string_view(read_);
    }
    read_ = {};
    co_return co_await rest_->next();
  }

 private:
  std::string read_;
  std::unique_ptr<edge::BodyStream> rest_;
  bool resumed_ = false;
};

}  // namespace

Task<Result<void>> read_whole(edge::Response& response, model::RequestContext& context) {
  const std::uint64_t length = response.stream_length.value_or(UINT64_MAX);
  std::string read;
  while (true) {
    auto here = response.stream->at_hand();
    auto piece = here ? std::move(*here) : co_await response.stream->next();
    if (piece && piece->empty() && response.stream_length && read.size() < length) {
      piece = fail(upstream_failed("The model server's answer broke off."));
    }
    if (!piece) {
      if (!read.empty() && context.spending) {
        co_await context.spending->settle(model::Spending::End::Cut);
      }
      co_return fail(std::move(piece.error()));
    }
    read.append(*piece);
    if (piece->empty() || read.size() >= length) {
      break;
    }
    if (read.size() > kMostKept) {
      response.stream =
          std::make_unique<ResumedStream>(std::move(read), std::move(response.stream));
      co_return Result<void>{};
    }
  }
  response.body = std::move(read);
  response.stream.reset();
  response.stream_length.reset();
  co_return Result<void>{};
}

}  // namespace headgate::api
