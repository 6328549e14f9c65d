#pragma once

#include <string_view>

#include "base/result.h"

namespace headgate::api {

/// Something in a JSON text, by its place in it.
struct JsonMember {
  std::string_view name;   ///< raw, without quotes
  std::string_view value;  ///< raw text of the value
};

/// Told the members of the outermost object while the whole text is checked.
class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;
  virtual void member(const JsonMember& member) = 0;
  /// A member of an object that is itself a member of the outermost one, before that one's
  /// `member`.
  virtual void inner_member(const JsonMember& member) = 0;
};

/// Checks that `text` is one JSON object by RFC 8259: structure, numbers, escapes, UTF-8, at most
/// 64 levels, no name twice in an object; and shows its members. Nothing is copied or decoded.
/// InvalidRequest, code `invalid_json`, says what is wrong. Names with escapes are refused in the
/// two outermost levels, where meaning depends on them.
Result<void> walk_json(std::string_view text, JsonVisitor& visitor);

/// Whether raw JSON string text (without quotes) holds an escape.
inline bool has_escape(std::string_view raw) { return raw.find('\\') != std::string_view::npos; }

}  // namespace headgate::api
