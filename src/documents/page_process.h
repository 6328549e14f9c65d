#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "documents/pdf_file.h"
#include "documents/recognizer.h"
#include "documents/sandbox.h"
#include "documents/worker_protocol.h"

namespace headgate::documents {

/// What a worker loads once and every page process inherits.
struct WorkerEngines {
  HelloMessage settings;
  std::map<std::vector<std::string>, std::unique_ptr<Recognizer>> recognizers;
  std::unique_ptr<OrientationFinder> orientation;
  std::unique_ptr<PdfWarmth> warmth;
  FileRules files = FileRules::NoFiles;

  /// The recogniser for `languages` (empty: the configured ones), loaded if need be; null if a
  /// language is missing.
  Recognizer* recognizer_for(const std::vector<std::string>& languages);
};

/// The life of a page process after fork: closes the fence behind it, does `job` on the document in
/// `document` and writes one answer to `answer`. Never returns.
[[noreturn]] void run_page_process(const JobMessage& job, WorkerEngines& engines, int document,
                                   int answer);

}  // namespace headgate::documents
