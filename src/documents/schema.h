#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace headgate::documents {

/// What a document is: the closed list of /v1/classify.
enum class DocumentType : std::uint8_t {
  W2,
  Form1099Int,
  Form1099Div,
  Form1099Misc,
  Form1099Nec,
  Form1099R,
  Form1098,
  BankStatement,
  CreditCardStatement,
  Invoice,
  Receipt,
  Check,
  Other,
};
inline constexpr std::size_t kDocumentTypes = 13;

/// Name on the wire, e.g. "1099-INT".
std::string_view name_of(DocumentType type);
/// The type with that name, in any case; nullopt if there is none.
std::optional<DocumentType> parse_document_type(std::string_view name);

/// Fields of a type in the order they are written: dotted paths, lists end in "[]".
std::span<const std::string_view> schema_of(DocumentType type);

/// A numbered box of a tax form.
struct FormBox {
  std::string_view key;     ///< path in the answer, e.g. "amounts.box1_interest_income"
  std::string_view label;   ///< words printed in the box, alternatives separated by '|'
  std::string_view number;  ///< as printed before the label, e.g. "2a"
};
/// Boxes of a tax form that hold amounts; empty for other types.
std::span<const FormBox> boxes_of(DocumentType type);

}  // namespace headgate::documents
