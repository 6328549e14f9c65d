#pragma once

#include <string>
#include <string_view>

#include "providers/provider.h"
#include "providers/remote_jobs.h"

namespace headgate::providers {

/// RunPod's queue; lives as long as the program. The second is for targets whose chats go through
/// it too.
const RemoteJobs& runpod_jobs();
const RemoteJobs& runpod_queue_jobs();

/// The path of an operation of a target's endpoint.
std::string runpod_path(const TargetName& target, std::string_view operation);

/// What the `error` of a FAILED job means to our caller: texts of handlers go to the log only,
/// refusals of a model server behind the worker are read as such.
Error decode_runpod_failure(std::string_view text);

}  // namespace headgate::providers
