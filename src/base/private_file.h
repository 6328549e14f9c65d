#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Small files that only their owner may read. Errors are InvalidRequest and name the file. They
// block.
namespace headgate {

/// Writes a file of mode 0600, whole or not at all, in place of one that is there.
Result<void> write_private_file(const std::string& path, std::string_view text);

/// What is in the file; nullopt if there is none. Fails if others than its owner can read it.
Result<std::optional<std::string>> read_private_file(const std::string& path);

/// An error of the file at `path`.
Error private_file_error(const std::string& path, std::string_view why);

}  // namespace headgate
