#pragma once

#include <span>
#include <string>
#include <vector>

#include "documents/schema.h"
#include "model/document.h"

namespace headgate::documents {

/// How sure we are of one field.
struct FieldConfidence {
  std::string path;  ///< e.g. "boxes.box1_wages"
  double confidence = 0;
};

/// The fields of a document.
struct Extraction {
  DocumentType type = DocumentType::Other;
  std::string data_json;  ///< an object with every key of the type's schema; null where not found
  double confidence = 0;  ///< 0..1, over the fields that matter for the type
  std::vector<FieldConfidence> fields;  ///< of those that were found
  std::string raw_text;  ///< the text as read, personal and account numbers masked; bounded
};

/// Reads the fields of `type` from the pages. Pure. Social security, taxpayer and account numbers
/// appear with their last four digits only.
Extraction extract(std::span<const model::PageReading> pages, DocumentType type);

}  // namespace headgate::documents
