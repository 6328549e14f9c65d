#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "documents/amounts.h"
#include "documents/understand_phrase.h"

namespace headgate::documents {

/// A printed label of a form. `number` is the box number before it ("2a"), or empty.
struct FormLabel {
  std::string_view key;
  std::string_view phrases;
  std::string_view number;
};

/// One cell of a form: a label, and the words in the space that belongs to it, reaching right to
/// the next label at its height and down to the next label below.
struct FormCell {
  std::string_view key;
  model::Box label;
  model::Box area;
  std::vector<std::uint32_t> content;  ///< tokens in reading order, labels left out
};

/// Finds `labels` on a page and divides the page between them. A form printed several times on one
/// page yields several cells with one key.
std::vector<FormCell> form_cells(const PageView& page, std::span<const FormLabel> labels);

/// What a cell holds as one text per row, without words that only continue the label.
std::vector<std::string> cell_lines(const PageView& page, const FormCell& cell);

/// The sum of money in a cell: the nearest below or right of the label that looks like one.
std::optional<FoundAmount> cell_amount(const PageView& page, const FormCell& cell,
                                       DecimalMark mark);

}  // namespace headgate::documents
