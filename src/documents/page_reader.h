#pragma once

#include <expected>
#include <string_view>

#include "documents/recognizer.h"
#include "documents/worker_protocol.h"

namespace headgate::documents {

struct PageLimits {
  std::uint64_t max_pages = 0;
  std::uint64_t max_pixels = 0;
};

/// The type, pages and sizes of the file; refuses what is over the limits. Decodes no picture.
std::expected<Inspection, Refusal> inspect_file(std::string_view bytes, const PageLimits& limits);

/// What page reading borrows from the worker.
struct PageEngines {
  Recognizer& recognizer;
  OrientationFinder* orientation = nullptr;  ///< may be absent
};

/// Reads one page of a file: from its text layer if that is complete, else by recognising its
/// picture, with more passes while the words look doubtful and `until` is far.
std::expected<model::PageReading, Refusal> read_file_page(std::string_view bytes,
                                                          const JobMessage& job,
                                                          const PageLimits& limits,
                                                          const PageEngines& engines,
                                                          SteadyTime until);

}  // namespace headgate::documents
