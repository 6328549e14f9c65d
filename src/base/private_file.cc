#include "base/private_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace headgate {

Error private_file_error(const std::string& path, std::string_view why) {
  return invalid_request(path + ": " + std::string(why), "data_dir");
}

Result<void> write_private_file(const std::string& path, std::string_view text) {
  const std::string unfinished = path + ".new";
  ::unlink(unfinished.c_str());
  const int descriptor = ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return fail(private_file_error(path, std::strerror(errno)));
  }
  const bool written =
      ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (!written || ::rename(unfinished.c_str(), path.c_str()) != 0) {
    ::unlink(unfinished.c_str());
    return fail(private_file_error(path, "cannot write it"));
  }
  return {};
}

Result<std::optional<std::string>> read_private_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) {
      return std::nullopt;
    }
    return fail(private_file_error(path, std::strerror(errno)));
  }
  if ((status.st_mode & 077U) != 0) {
    return fail(private_file_error(path, "others can read it; make it mode 0600"));
  }
  std::ifstream file(path);
  if (!file) {
    return fail(private_file_error(path, "cannot read it"));
  }
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

}  // namespace headgate
