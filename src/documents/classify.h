#pragma once

#include <span>
#include <string>

#include "documents/schema.h"
#include "model/document.h"

namespace headgate::documents {

/// What a document is and why we think so.
struct Classification {
  DocumentType type = DocumentType::Other;
  double confidence = 0;  ///< 0..1
  std::string reasoning;  ///< one sentence naming the evidence, in English
};

/// Decides by form titles, OMB numbers, box labels and the words and shape of statements, invoices,
/// receipts and checks, page by page: the page with the best evidence wins, cover pages and blank
/// ones do not count. Pure; looks at the first pages only.
Classification classify(std::span<const model::PageReading> pages);

}  // namespace headgate::documents
