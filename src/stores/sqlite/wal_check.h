#pragma once

#include <string>

#include "base/result.h"

namespace headgate::stores::sqlite {

/// Looks for damage in a write-ahead log that SQLite would take for its end, dropping all that was
/// committed after it. A log that a loss of power has cut or torn at its end is sound, and so is a
/// missing one. Only reads; may run while others write the log.
Result<void> check_wal(const std::string& path);

}  // namespace headgate::stores::sqlite
