#pragma once

#include <string_view>

#include "base/error.h"
#include "providers/retry_after.h"

namespace headgate::providers {

/// What an error answer in OpenAI's shape means to our caller. Faults of the request (400, 404 of
/// anything but the model, 413, 422) keep the vendor's message; faults of ours towards the vendor
/// (401, 403, 404 model) and of the vendor (5xx) do not. Whatever the server's wording, a request
/// that does not fit the model's window has the code "context_length_exceeded", and one refused for
/// its content "content_policy_violation" or "content_filter".
Error decode_openai_error(int status, std::string_view retry_after, std::string_view body);

/// What an error object means that came where an answer was due: in a stream, or with status 200.
Error decode_openai_error_event(std::string_view data);

}  // namespace headgate::providers
