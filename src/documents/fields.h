#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "documents/schema.h"

namespace headgate::documents {

/// Null, a number or a text.
using FieldValue = std::variant<std::monostate, double, std::string>;

/// A value with how sure we are of it, 0..1.
struct Field {
  FieldValue value;
  float confidence = 0;
};

/// One element of a list: named values, or a single one without a name.
using ListItem = std::vector<std::pair<std::string_view, FieldValue>>;

/// The data of one document in the schema of its type. Every key of the schema is written; what was
/// not found is null, a list empty.
class Record final {
 public:
  explicit Record(DocumentType type) : type_(type) {}

  /// Sets a field of the schema; other paths and empty texts are ignored.
  void set(std::string_view path, FieldValue value, float confidence);
  void clear(std::string_view path);
  /// The number at `path`, or nullopt.
  std::optional<double> number(std::string_view path) const;
  std::optional<std::string> text(std::string_view path) const;
  bool has(std::string_view path) const { return fields_.contains(path); }
  /// Multiplies the confidence of a field, kept within 0..0.99.
  void adjust(std::string_view path, float factor);

  void add(std::string_view list, ListItem item);
  const std::vector<ListItem>& list(std::string_view path) const;

  const std::map<std::string_view, Field, std::less<>>& fields() const { return fields_; }
  DocumentType type() const { return type_; }
  std::string to_json() const;

 private:
  DocumentType type_;
  std::map<std::string_view, Field, std::less<>> fields_;
  std::map<std::string_view, std::vector<ListItem>, std::less<>> lists_;
};

/// A number as JSON without an exponent; null if it is not finite.
std::string json_number(double value);

}  // namespace headgate::documents
