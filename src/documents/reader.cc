#include "documents/reader.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <utility>

#include "base/event_loop.h"
#include "base/task_group.h"

namespace headgate::documents {
namespace {

/// What the readers of one document share; it lives in read_document's frame.
struct Progress {
  WorkerPool& pool;
  std::shared_ptr<const Document> document;
  ReadOptions options;
  CancelSource& cancel;
  std::uint32_t pages;
  std::uint32_t next = 1;
  std::vector<std::optional<Result<model::PageReading>>> results;
};

/// Reads one page after another until none is left.
Task<void> read_pages(Progress& progress) {
  while (progress.next <= progress.pages) {
    const std::uint32_t number = progress.next++;
    auto reading = co_await progress.pool.read_page(progress.document, number, progress.options,
                                                    progress.cancel);
    progress.results[number - 1].emplace(std::move(reading));
  }
}

Result<std::string> contents_of(const std::string& path, std::uint64_t max_bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return fail(not_found("The file " + path + " cannot be opened."));
  }
  std::string bytes;
  std::array<char, 64 << 10> piece{};
  // One byte more than allowed is enough to know.
  while (bytes.size() <= max_bytes &&
         (file.read(piece.data(), piece.size()) || file.gcount() > 0)) {
    bytes.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) {
    return fail(not_found("The file " + path + " cannot be read."));
  }
  return bytes;
}

Task<Result<DocumentReading>> read_all(WorkerPool& pool, std::shared_ptr<const Document> document,
                                       ReadOptions options) {
  CancelSource never;
  co_return co_await read_document(pool, std::move(document), std::move(options), never);
}

}  // namespace

Task<Result<DocumentReading>> read_document(WorkerPool& pool,
                                            std::shared_ptr<const Document> document,
                                            ReadOptions options, CancelSource& cancel) {
  auto inspection = co_await pool.inspect(document, options.deadline, cancel);
  if (!inspection) {
    co_return fail(inspection.error());
  }
  const auto pages = static_cast<std::uint32_t>(inspection->pages.size());
  // One page per worker: a long document does not push others to the end of the line.
  const std::uint32_t readers = std::min(pages, pool.workers());
  Progress progress{.pool = pool,
                    .document = std::move(document),
                    .options = std::move(options),
                    .cancel = cancel,
                    .pages = pages,
                    .results = {}};
  progress.results.resize(pages);
  TaskGroup group;
  for (std::uint32_t i = 0; i < readers; ++i) {
    group.spawn(read_pages(progress));
  }
  while (!co_await group.close(std::chrono::steady_clock::now() + std::chrono::hours(1))) {
    // Each page has its own limit; the frame must outlive its readers.
  }
  DocumentReading reading{.type = inspection->type, .pages = {}};
  bool any = false;
  for (std::uint32_t i = 0; i < pages; ++i) {
    auto& result = progress.results[i];
    if (!result) {
      result.emplace(fail(internal_error("a page reader ended by an exception")));
    }
    any = any || result->has_value();
    reading.pages.push_back({.number = i + 1, .reading = std::move(*result)});
  }
  if (!any || cancel.cancelled()) {
    co_return fail(cancel.cancelled() ? client_left() : reading.pages.front().reading.error());
  }
  co_return reading;
}

Result<DocumentReading> read_file_locally(const std::string& path,
                                          const config::DocumentSettings& settings,
                                          ReadOptions options) {
  auto bytes = contents_of(path, settings.max_file_size);
  if (!bytes) {
    return fail(bytes.error());
  }
  auto document = Document::create(*bytes, settings.max_file_size);
  if (!document) {
    return fail(document.error());
  }
  EventLoop loop;
  WorkerPoolConfig config;
  config.documents = settings;
  WorkerPool pool(std::move(config));
  auto result = run_on(loop, read_all(pool, std::move(*document), std::move(options)));
  pool.stop();
  return result;
}

}  // namespace headgate::documents
