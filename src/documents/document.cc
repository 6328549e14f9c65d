#include "documents/document.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "documents/page_error.h"

namespace headgate::documents {
namespace {

Error no_room(const char* call) {
  Error error = overloaded("The gateway has no room for another document now.",
                           std::chrono::milliseconds(1000));
  error.detail = std::string(call) + ": " + std::strerror(errno);
  return error;
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<std::shared_ptr<const Document>> Document::create(std::string_view bytes,
                                                         std::uint64_t max_bytes) {
  if (bytes.empty()) {
    Error error = invalid_request("The file is empty.");
    error.code = "unreadable_file";
    return fail(std::move(error));
  }
  if (bytes.size() > max_bytes) {
    Error error = too_large("The file is larger than " + std::to_string(max_bytes) +
                            " bytes (documents.max_file_size).");
    error.code = "file_too_large";
    return fail(std::move(error));
  }
  const int descriptor = ::memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor < 0) {
    return fail(no_room("memfd_create"));
  }
  if (!write_all(descriptor, bytes) ||
      ::fcntl(descriptor, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) !=
          0) {
    Error error = no_room("sealing a document");
    ::close(descriptor);
    return fail(std::move(error));
  }
  void* const mapped = ::mmap(nullptr, bytes.size(), PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (mapped == MAP_FAILED) {
    Error error = no_room("mmap");
    ::close(descriptor);
    return fail(std::move(error));
  }
  return std::shared_ptr<const Document>(
      new Document(descriptor, {static_cast<const char*>(mapped), bytes.size()}));
}

Document::Document(int descriptor, std::string_view mapped)
    : descriptor_(descriptor), bytes_(mapped), digest_(sha256(mapped)) {}

Document::~Document() {
  ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
  ::close(descriptor_);
}

}  // namespace headgate::documents
