#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "documents/understand_page.h"

namespace headgate::documents {

/// A label found on a page.
struct PhraseHit {
  Range tokens;
  model::Box box;
  std::size_t edits = 0;  ///< letters that differ

  bool exact() const { return edits == 0; }
};

/// Places where `phrase` stands on one row, word for word, read with a few wrong letters and with
/// spaces lost or added by OCR. A phrase that begins with '=' must match letter for letter.
/// Alternatives are separated by '|'; where several match at one place the longest counts.
std::vector<PhraseHit> find_phrase(const PageView& page, std::string_view phrases);

bool has_phrase(const PageView& page, std::string_view phrases);

/// One of `phrases` begins at a token of the range.
bool has_phrase(const PageView& page, Range tokens, std::string_view phrases);

}  // namespace headgate::documents
