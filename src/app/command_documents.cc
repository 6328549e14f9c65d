#include <iostream>
#include <vector>

#include "app/command_config.h"
#include "app/commands.h"
#include "base/encoding.h"
#include "documents/classify.h"
#include "documents/extract.h"
#include "documents/ocr_output.h"
#include "documents/reader.h"

namespace headgate::app {

int read_document_file(DocumentWork work, const DocumentOptions& options) {
  auto loaded = load_config(options.config);
  if (!loaded) {
    return complain(loaded.error(), kBadUsage);
  }
  std::optional<documents::DocumentType> type;
  if (!options.type.empty()) {
    type = documents::parse_document_type(options.type);
    if (!type) {
      return complain(invalid_request("There is no document type '" + options.type + "'."),
                      kBadUsage);
    }
  }
  documents::ReadOptions read;
  documents::parse_resolution(loaded->settings.documents.resolution, read.resolution);
  auto reading = documents::read_file_locally(options.file, loaded->settings.documents, read);
  if (!reading) {
    return complain(reading.error(), kFailure);
  }
  std::vector<model::PageReading> pages;
  for (documents::PageResult& page : reading->pages) {
    if (page.reading) {
      pages.push_back(std::move(*page.reading));
    } else {
      std::cerr << "page " << page.number << ": " << page.reading.error().message << "\n";
    }
  }
  const bool json = options.format == OutputFormat::Json;
  if (work == DocumentWork::Ocr) {
    std::cout << (json ? documents::pages_as_json(pages) : documents::pages_as_text(pages)) << "\n";
    return kSuccess;
  }
  const documents::Classification found = documents::classify(pages);
  if (work == DocumentWork::Classify) {
    if (json) {
      std::cout << R"({"type":)" << json_quote(documents::name_of(found.type))
                << R"(,"confidence":)" << found.confidence << R"(,"reasoning":)"
                << json_quote(found.reasoning) << "}\n";
    } else {
      std::cout << documents::name_of(found.type) << " (" << found.confidence
                << "): " << found.reasoning << "\n";
    }
    return kSuccess;
  }
  const documents::Extraction fields = documents::extract(pages, type.value_or(found.type));
  if (json) {
    std::cout << R"({"doc_type":)" << json_quote(documents::name_of(fields.type))
              << R"(,"confidence":)" << fields.confidence << R"(,"data":)" << fields.data_json
              << "}\n";
  } else {
    std::cout << documents::name_of(fields.type) << " (" << fields.confidence << ")\n"
              << fields.data_json << "\n";
  }
  return kSuccess;
}

}  // namespace headgate::app
