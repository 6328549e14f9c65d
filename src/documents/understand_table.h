#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "documents/amounts.h"
#include "documents/understand_phrase.h"

namespace headgate::documents {

/// A column a table may have: its key and the words in its header.
struct ColumnKind {
  std::string_view key;
  std::string_view phrases;
};

struct Column {
  std::string_view key;
  model::Box box;  ///< of the header
};

/// A header row: two or more known column names side by side.
struct TableHeader {
  std::uint32_t row = 0;  ///< the last row of the header
  std::vector<Column> columns;
  bool has(std::string_view key) const;
};

/// Header rows of a page, top to bottom. A header may be spread over two neighbouring rows.
std::vector<TableHeader> find_headers(const PageView& page, std::span<const ColumnKind> kinds,
                                      std::size_t min_columns);

/// The column a value belongs to, by overlap, then by nearness of edges; nullptr without columns.
const Column* column_of(const TableHeader& header, const model::Box& box);

}  // namespace headgate::documents
