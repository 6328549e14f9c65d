#include "stores/sqlite/data_folder.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace headgate::stores::sqlite {
namespace {

Error start_error(std::string message) { return invalid_request(std::move(message), "data_dir"); }

}  // namespace

Result<void> sync_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Some file systems cannot sync a folder, and need not.
  const bool synced = descriptor >= 0 && (::fsync(descriptor) == 0 || errno == EINVAL);
  const int why = errno;
  if (descriptor >= 0) {
    ::close(descriptor);
  }
  if (!synced) {
    return fail(start_error("Cannot write the folder " + folder + ": " + std::strerror(why)));
  }
  return {};
}

Result<void> make_data_folder(const std::string& folder) {
  std::filesystem::path path(folder);
  if (!path.has_filename()) {
    path = path.parent_path();  // "data/" is "data"
  }
  std::error_code ec;
  if (path.has_parent_path()) {
    std::filesystem::create_directories(path.parent_path(), ec);
  }
  if (::mkdir(path.c_str(), 0700) == 0) {
    return sync_folder(path.has_parent_path() ? path.parent_path().string() : ".");
  }
  if (errno != EEXIST) {
    return fail(start_error("Cannot make the data folder " + folder + ": " + std::strerror(errno)));
  }
  return {};
}

Result<std::unique_ptr<DataFolderLock>> DataFolderLock::take(const std::string& folder) {
  auto made = make_data_folder(folder);
  if (!made) {
    return fail(made.error());
  }
  const std::string path = folder + "/headgate.lock";
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return fail(start_error("Cannot use the data folder " + folder + ": " + std::strerror(errno)));
  }
  std::unique_ptr<DataFolderLock> lock(new DataFolderLock(descriptor));
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    Error error = start_error("Another gateway is using the data folder " + folder + ".");
    error.kind = ErrorKind::Conflict;
    return fail(std::move(error));
  }
  return lock;
}

DataFolderLock::~DataFolderLock() { ::close(descriptor_); }

}  // namespace headgate::stores::sqlite
