#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

struct JsonMember;

/// A value in JSON text, as the text says it: what is not understood can be handed on byte for byte
/// (schemas, large integers). Borrows the text. The text is known to be valid JSON; of other text
/// the values are arbitrary, but nothing outside of it is read.
class JsonView final {
 public:
  enum class Type : std::uint8_t { Missing, Null, Boolean, Number, String, Array, Object };

  /// A value that is not there.
  JsonView() = default;
  /// The value that `json` is, with blanks around it.
  explicit JsonView(std::string_view json);

  Type type() const;
  /// Neither missing nor null.
  bool given() const { return type() > Type::Null; }
  bool is_string() const { return type() == Type::String; }
  bool is_array() const { return type() == Type::Array; }
  bool is_object() const { return type() == Type::Object; }
  /// The value's text, without blanks around it.
  std::string_view raw() const { return raw_; }

  /// The first member of that name; missing if there is none or this is no object. Reads the text
  /// up to it: JsonObject is for objects of which many members are wanted.
  JsonView operator[](std::string_view name) const;
  /// Empty if this is no array.
  std::vector<JsonView> items() const;
  /// Empty if this is no object.
  std::vector<JsonMember> members() const;

  /// A string without its escapes; nullopt for other values.
  std::optional<std::string> text() const;
  /// nullopt for other values, numbers with fraction or exponent, and those beyond 64 bits.
  std::optional<std::int64_t> integer() const;
  std::optional<double> number() const;
  std::optional<bool> boolean() const;

 private:
  static JsonView of(std::string_view raw);

  std::string_view raw_;
};

struct JsonMember {
  std::string name;
  JsonView value;
};

/// An object whose members have been found once, however large they are.
class JsonObject final {
 public:
  explicit(false) JsonObject(const JsonView& object);

  /// The first member of that name; missing if there is none.
  JsonView operator[](std::string_view name) const;
  const std::vector<JsonMember>& members() const { return members_; }

 private:
  std::vector<JsonMember> members_;
};

}  // namespace headgate
