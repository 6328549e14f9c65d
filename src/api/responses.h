#pragma once

#include <string>
#include <string_view>

#include "api/jobs.h"
#include "api/response_items.h"
#include "api/responses_request.h"
#include "api/route.h"
#include "dispatch/dispatcher.h"

namespace headgate::api {

/// POST /v1/responses over any provider. With `background` it is a job, whose response GET
/// /v1/responses/{id} shows; of other responses only the items are known, for a while.
class CreateResponse final : public Endpoint {
 public:
  /// Borrows all.
  CreateResponse(const dispatch::Dispatcher& dispatcher, const dispatch::Catalogs& catalogs,
                 const JobDesk& desk, ResponseItems& items)
      : dispatcher_(dispatcher), catalogs_(catalogs), desk_(desk), items_(items) {}
  Task<Result<edge::Response>> handle(Call call) const override;
  Queueing queueing(const edge::Request& request) const override;
  Result<JobPlan> plan(const edge::Request& request) const override;

 private:
  Task<Result<edge::Response>> run(std::string text, model::RequestContext& context) const;
  Task<Result<edge::Response>> queue(Call call, std::string body) const;
  Task<Result<std::string>> with_previous(const ResponsesRequest& asked,
                                          std::string_view owner) const;

  const dispatch::Dispatcher& dispatcher_;
  const dispatch::Catalogs& catalogs_;
  const JobDesk& desk_;
  ResponseItems& items_;
};

/// GET /v1/responses/{id}: one that was made in the background.
class ShowResponse final : public Endpoint {
 public:
  explicit ShowResponse(const JobDesk& desk) : desk_(desk) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const JobDesk& desk_;
};

/// POST /v1/responses/{id}/cancel; one that has ended stays as it is.
class CancelResponse final : public Endpoint {
 public:
  explicit CancelResponse(const JobDesk& desk) : desk_(desk) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const JobDesk& desk_;
};

/// A response's object with what is of its job: id and time. `result` is that of its run, which did
/// not know them.
std::string with_job_names(std::string result, const model::Job& job);

/// The body of a request, its input behind the input and the output of an earlier response; all are
/// JSON, `input` is a part of `body`.
std::string continue_response(std::string_view body, std::string_view input,
                              std::string_view earlier_body, std::string_view earlier_result);

}  // namespace headgate::api
