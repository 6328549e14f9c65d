#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "model/job.h"

namespace headgate::model {

/// What a view of a job may add to its record.
struct JobView {
  std::string_view status;              ///< in the words of the API that shows it
  std::string_view result;              ///< JSON, or empty
  std::optional<std::size_t> position;  ///< in the line, from 1
  std::string_view request_id{};        ///< empty: the submission's x-request-id
};

/// A job as GET /v1/jobs/{id} shows it (api.md §1): times in RFC 3339, what is unset as null.
std::string job_json(const Job& job, const JobView& view);

}  // namespace headgate::model
