#pragma once

#include <string_view>

namespace headgate::stores::sqlite {

/// The step of the schema that finds each model's oldest ended jobs: how long they are kept is the
/// model's own setting.
inline constexpr std::string_view kRetentionIndex = R"sql(
DROP INDEX jobs_ended;
CREATE INDEX jobs_ended ON jobs (model, completed_at) WHERE completed_at IS NOT NULL;
)sql";

}  // namespace headgate::stores::sqlite
