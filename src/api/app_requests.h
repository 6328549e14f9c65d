#pragma once

#include <string>
#include <string_view>

#include "api/document_sources.h"
#include "api/job_submission.h"
#include "api/route.h"

namespace headgate::api {

/// POST /api/chat: an OpenAI chat body as a job of an application, which X-Client-ID names.
class RequestChat final : public Endpoint {
 public:
  /// Borrows both; `chat` answers /v1/chat/completions.
  RequestChat(const JobSubmission& submission, const Endpoint& chat)
      : submission_(submission), chat_(chat) {}
  Task<Result<edge::Response>> handle(Call call) const override;
  Queueing queueing(const edge::Request& /*request*/) const override {
    return Queueing::ByEndpoint;
  }

 private:
  const JobSubmission& submission_;
  const Endpoint& chat_;
};

/// POST /api/ocr: documents to read as a job of an application; X-Resolution says how thoroughly.
class RequestOcr final : public Endpoint {
 public:
  /// Borrows both; `ocr` answers /v1/ocr.
  RequestOcr(const JobSubmission& submission, const Endpoint& ocr,
             DocumentSources::CurrentSettings settings)
      : submission_(submission), ocr_(ocr), settings_(std::move(settings)) {}
  Task<Result<edge::Response>> handle(Call call) const override;
  Queueing queueing(const edge::Request& /*request*/) const override {
    return Queueing::ByEndpoint;
  }

 private:
  const JobSubmission& submission_;
  const Endpoint& ocr_;
  const DocumentSources::CurrentSettings settings_;
};

/// A body for /v1/ocr and the resolution that it asks for.
struct OcrBody {
  std::string json;
  std::string resolution;
};

/// Makes it of a JSON body with OpenAI `messages`: the URLs of their image_url parts are the
/// documents, their texts the prompt. A text that asks for a conversion "to markdown" asks for that
/// output. Members of /v1/ocr may stand beside or in place of the messages. The resolution is the
/// body's own, or that of X-Resolution, or `usual`. InvalidRequest if no document is named.
Result<OcrBody> make_ocr_body(const edge::Request& request, std::string_view usual);

}  // namespace headgate::api
