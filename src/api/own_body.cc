#include "api/own_body.h"

#include <utility>

#include "base/recycler.h"

namespace headgate::api {
namespace {

class OwningStream final : public edge::BodyStream, public Recycled {
 public:
  OwningStream(std::unique_ptr<edge::BodyStream> inner, std::unique_ptr<const std::string> body)
      : body_(std::move(body)), inner_(std::move(inner)) {}
  Task<Result<std::string_view>> next() override { return inner_->next(); }

 private:
  std::unique_ptr<const std::string> body_;  // dies after the stream
  std::unique_ptr<edge::BodyStream> inner_;
};

}  // namespace

std::unique_ptr<const std::string> own_body(std::string text) {
  text.reserve(text.size() + edge::kBodyPadding);
  return std::make_unique<const std::string>(std::move(text));
}

Task<Result<edge::Response>> run_own(const dispatch::Dispatcher& dispatcher,
                                     model::InferenceRequest request,
                                     std::unique_ptr<const std::string> body,
                                     model::RequestContext& context) {
  auto response = co_await dispatcher.run(std::move(request), context);
  if (response && response->stream) {
    response->stream = std::make_unique<OwningStream>(std::move(response->stream), std::move(body));
  }
  co_return response;
}

std::string without_stream(const model::InferenceRequest& request) {
  std::string body(request.body);
  const model::Span& stream = request.stream_value;
  body.replace(stream.begin, stream.end - stream.begin, "false");
  return body;
}

}  // namespace headgate::api
