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

/// Whether a job is what the task API makes: text from a chat or completion model, images, speech.
bool is_task(const model::Job& job);

/// `error` as INVALID_MODEL, with what was asked for and which models could have been.
Error invalid_model(Error error, std::string_view name, const boost::json::array& available);
/// The member of a task that is a text. InvalidRequest names it if it is missing or none.
Result<std::string> required_text(const boost::json::object& task, const std::string& name);

/// A job as the task API tells of it; `result` is JSON or empty.
std::string task_json(const model::Job& job, std::string_view result);

/// The OpenAI body, Chat or Completion, that asks for what a text-generation task asks for:
/// max_tokens, temperature and top_p have the task API's defaults (512, 0.7, 0.9) unless they are
/// null, stop_sequences become stop, members it does not know stay. InvalidRequest names the field.
Result<std::string> make_text_body(model::Kind kind, const boost::json::object& task);

}  // namespace headgate::api
