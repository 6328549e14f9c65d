#pragma once

#include <string>

#include "model/job.h"

// How an event of a job is told; see JobEvents and JobSocket in jobs.h.
namespace headgate::api {

/// Adds it as a server-sent event: each line of its data is a `data:` line, so that no line break
/// in it ends the event.
void append_sse_event(std::string& text, const model::JobEvent& event);
/// As a JSON object.
std::string socket_message(const model::JobEvent& event);

}  // namespace headgate::api
