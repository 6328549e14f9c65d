#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task.h"
#include "dispatch/attempts.h"
#include "providers/remote_jobs.h"

namespace headgate::dispatch {

/// How often a provider is asked how its job stands.
inline constexpr std::chrono::milliseconds kFirstPoll{200};
inline constexpr double kPollFactor = 1.5;
inline constexpr std::chrono::milliseconds kLongestPoll{5'000};
/// So many failed questions in a row give a job up, unless its id is on disk.
inline constexpr int kFailedPolls = 5;

/// The call that hands `input`, a JSON object, to the chosen target, which offers RemoteJobs.
Result<providers::WireRequest> encode_remotely(const Attempts& attempts, std::string_view input);

/// Has the chosen target carry out that call's work as a job of its own: the output's JSON. Fails
/// as a call does, to be handed to Attempts::recover.
///
/// The work is handed over once. When it is not known whether the provider has taken it, that is a
/// failure which lasts, so it is not handed over again. The provider's job is cancelled when nobody
/// waits for it any more: the caller left, its time is over, or this was destroyed. A job of ours
/// has the id on disk before it asks for the result, finds it there after a restart, and asks on.
Task<Result<std::string>> run_remotely(Attempts& attempts, providers::WireRequest wire);
/// The same for the current call, which is to be made by other means.
Task<Result<std::string>> follow_remotely(Attempts& attempts, providers::WireRequest wire);
/// The same for a chat and the like: the HTTP body that the output stands for.
Task<Result<std::string>> chat_remotely(Attempts& attempts, providers::WireRequest wire);

}  // namespace headgate::dispatch
