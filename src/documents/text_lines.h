#pragma once

#include <cstdint>
#include <vector>

#include "documents/picture.h"
#include "model/document.h"

namespace headgate::documents {

/// Groups words that come in reading order into visual lines. A wide gap ends a line (the next
/// cell or column), and a line far from the one before begins a block.
std::vector<model::Line> lines_of(std::vector<model::Word> words);

/// Whether `layer` may stand for the page: its characters look like text, and it has a word
/// wherever `page`, the same page drawn at `dpi`, shows something of a letter's size.
enum class LayerVerdict : std::uint8_t { Complete, Partial, Garbled, Empty };
LayerVerdict judge_layer(const model::PageReading& layer, const Picture& page, float dpi);

}  // namespace headgate::documents
