#pragma once

#include <span>
#include <string>

#include "model/document.h"

namespace headgate::documents {

/// The pages as plain text: one line per row, pages divided by a form feed.
std::string pages_as_text(std::span<const model::PageReading> pages);

/// The pages as Markdown: headings, paragraphs, and tables where rows of cells stand in columns.
std::string pages_as_markdown(std::span<const model::PageReading> pages);

/// {"layout_elements":[{page,bbox,category,text,confidence}]} with the categories Title, Text and
/// Table, judged by size and alignment.
std::string pages_as_layout(std::span<const model::PageReading> pages);

/// {"pages":[{page,width,height,dpi,source,confidence,text,lines:[{text,bbox,confidence,words}]}]}.
/// Boxes are [left, top, right, bottom] in page pixels.
std::string pages_as_json(std::span<const model::PageReading> pages);

}  // namespace headgate::documents
