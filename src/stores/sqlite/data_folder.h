#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace headgate::stores::sqlite {

/// Makes the names in a folder survive a loss of power. On failure the errno of it.
Result<void> sync_folder(const std::string& folder);

/// Creates a data folder with mode 0700 if it is missing; one that exists stays as it is.
Result<void> make_data_folder(const std::string& folder);

/// Keeps a data folder to one gateway: an exclusive lock on `headgate.lock` in it, held while this
/// lives and freed by the system however the process ends.
class DataFolderLock final {
 public:
  /// Makes the folder if it is missing. Conflict if another process holds the
  /// lock.
  static Result<std::unique_ptr<DataFolderLock>> take(const std::string& folder);
  ~DataFolderLock();
  DataFolderLock(const DataFolderLock&) = delete;
  DataFolderLock& operator=(const DataFolderLock&) = delete;

 private:
  explicit DataFolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace headgate::stores::sqlite
