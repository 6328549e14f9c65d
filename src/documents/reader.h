#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "base/task.h"
#include "documents/worker_pool.h"

namespace headgate::documents {

/// One page, read or failed; the others go on.
struct PageResult {
  std::uint32_t number = 1;  ///< from 1
  Result<model::PageReading> reading;
};

struct DocumentReading {
  FileType type = FileType::Unknown;
  std::vector<PageResult> pages;  ///< in order
};

/// Reads every page of `document`, several at a time, in order. A failing page is reported in its
/// place; if all fail, the first page's error is the result. `pool` and `cancel` outlive the task.
Task<Result<DocumentReading>> read_document(WorkerPool& pool,
                                            std::shared_ptr<const Document> document,
                                            ReadOptions options, CancelSource& cancel);

/// Reads a file on this machine with a pool of its own; blocks. For the command line. NotFound if
/// it cannot be opened.
Result<DocumentReading> read_file_locally(const std::string& path,
                                          const config::DocumentSettings& settings,
                                          ReadOptions options);

}  // namespace headgate::documents
