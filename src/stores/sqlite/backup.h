#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace headgate::stores::sqlite {

/// A copy that was made and checked.
struct Copied {
  std::uint64_t bytes = 0;
  std::uint64_t jobs = 0;
  std::string replaced;  ///< where restore() put the database that was there; empty if none was
};

/// Copies the database `path`, as of one moment, while others may be writing it. The copy is whole,
/// passes the full integrity check and is on disk, mode 0600, before it bears the name `file`.
/// Refuses an existing `file`.
Result<Copied> backup(const std::string& path, const std::string& file);

/// Puts a copy of `file` in the place of the database `path`. Nobody may have that open: hold its
/// folder's DataFolderLock. Refuses, without touching `path`, a `file` that fails the full
/// integrity check, whose schema is newer than `newest_schema` or that is no database of ours. The
/// old database and its log get the name `path`.before-restore-<now>.
Result<Copied> restore(const std::string& file, const std::string& path, std::size_t newest_schema,
                       const std::string& now);

}  // namespace headgate::stores::sqlite
