#pragma once

#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "api/job_submission.h"
#include "api/route.h"
#include "dispatch/dispatcher.h"
#include "model/inference_request.h"

namespace headgate::api {

/// POST /api/v1/inference/text-generation: a prompt as a job for a chat or completion model.
class GenerateText final : public Endpoint {
 public:
  /// The endpoints of /v1/chat/completions and /v1/completions, which carry the tasks out.
  struct Carriers {
    const Endpoint* chat;
    const Endpoint* completion;
  };
  /// Borrows all.
  GenerateText(const JobSubmission& submission, const dispatch::Catalogs& catalogs,
               Carriers carriers)
      : submission_(submission), catalogs_(catalogs), carriers_(carriers) {}
  Task<Result<edge::Response>> handle(Call call) const override;
  Queueing queueing(const edge::Request& /*request*/) const override {
    return Queueing::ByEndpoint;
  }

 private:
  const JobSubmission& submission_;
  const dispatch::Catalogs& catalogs_;
  const Carriers carriers_;
};

/// POST /api/v1/inference/image-generation and text-to-speech: this version has no targets for
/// them, so no model qualifies and every task is refused with INVALID_MODEL.
class RefuseTask final : public Endpoint {
 public:
  /// `what` a model would have to do, e.g. "generate images"; static.
  RefuseTask(const dispatch::Catalogs& catalogs, std::string_view what)
      : catalogs_(catalogs), what_(what) {}
  Task<Result<edge::Response>> handle(Call call) const override;
  Queueing queueing(const edge::Request& /*request*/) const override {
    return Queueing::ByEndpoint;
  }

 private:
  const dispatch::Catalogs& catalogs_;
  const std::string_view what_;
};

/// Whether a job is what the task API makes: text from a chat or completion model.
bool is_task(const model::Job& job);

/// A job as the task API tells of it; `result` is JSON or empty.
std::string task_json(const model::Job& job, std::string_view result);

/// The OpenAI body, Chat or Completion, that asks for what a text-generation task asks for:
/// max_tokens, temperature and top_p have the task API's defaults (512, 0.7, 0.9) unless they are
/// null, stop_sequences become stop, members it does not know stay. InvalidRequest names the field.
Result<std::string> make_text_body(model::Kind kind, const boost::json::object& task);

}  // namespace headgate::api
