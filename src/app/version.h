#pragma once

namespace headgate::app {

inline constexpr const char* kVersion = HEADGATE_VERSION;

}  // namespace headgate::app
