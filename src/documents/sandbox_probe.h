#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace headgate::documents {

/// What a page process must not be able to do; the index is the probe's number.
inline constexpr std::array<std::string_view, 15> kForbidden = {
    "read /etc/passwd",      "create a file in /tmp",     "open a file for writing",
    "connect to 127.0.0.1",  "connect to a local socket", "start a process",
    "start a program",       "trace the parent",          "signal the parent",
    "map executable memory", "make memory executable",    "set up io_uring",
    "load a bpf program",    "use a kernel keyring",      "list the root folder",
};

/// Tries number `probe` from inside a page process. 0 if it was possible, else the errno; the
/// sandbox may also end the process instead.
std::uint32_t attempt_forbidden(std::uint32_t probe);

}  // namespace headgate::documents
