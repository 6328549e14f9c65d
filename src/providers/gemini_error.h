#pragma once

#include <string_view>

#include "base/error.h"

namespace headgate::providers {

/// What an error answer in Google's shape, {"error":{code,message,status,details}} or an array
/// around it, means to our caller. The vendor's message is told only where it is about the caller's
/// request; what it asks to wait (RetryInfo) goes before `retry_after`, the header.
Error decode_gemini_error(int status, std::string_view retry_after, std::string_view body);

}  // namespace headgate::providers
