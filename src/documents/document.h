#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"

namespace headgate::documents {

/// The bytes of one uploaded file, immutable, in a sealed anonymous file that the worker processes
/// map too: one copy in memory, and nobody can change it under a reader. Safe from any thread.
class Document final {
 public:
  /// Copies and hashes `bytes`: milliseconds for a large file, so not on an event loop. TooLarge
  /// above `max_bytes`, `unreadable_file` if empty, Overloaded if the system has no descriptor or
  /// memory left. Shared between the request and the page jobs under way.
  static Result<std::shared_ptr<const Document>> create(std::string_view bytes,
                                                        std::uint64_t max_bytes);
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  std::string_view bytes() const { return bytes_; }
  const Sha256& digest() const { return digest_; }
  /// The sealed memory file; owned by this object.
  int descriptor() const { return descriptor_; }

 private:
  Document(int descriptor, std::string_view mapped);

  int descriptor_;
  std::string_view bytes_;
  Sha256 digest_;
};

}  // namespace headgate::documents
