#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::config {

/// Where a value was written, for messages: "headgate.yaml:12:3", or a source without lines such as
/// "environment variable LOG_LEVEL".
struct Place {
  /// Shared by all nodes of one source, which it only names.
  std::shared_ptr<const std::string> source;
  unsigned line = 0;  ///< from 1; 0: the source has no lines
  unsigned column = 0;

  std::string text() const {
    std::string shown = source ? *source : std::string("built-in default");
    if (line != 0) {
      shown.append(":").append(std::to_string(line)).append(":").append(std::to_string(column));
    }
    return shown;
  }
};

struct Field;

/// A piece of configuration as written, before the option table gives it a type.
struct Node {
  enum class Kind : std::uint8_t { Null, Scalar, List, Map };
  /// How a scalar is printed; reading does not tell the two apart.
  enum class Style : std::uint8_t { Text, Literal };

  Kind kind = Kind::Null;
  Style style = Style::Text;
  bool expanded = false;      ///< came from ${NAME}: may be a secret, so messages do not repeat it
  std::string text;           // Scalar
  std::vector<Node> items;    // List
  std::vector<Field> fields;  // Map, in the order written; names are unique
  Place place;

  static Node scalar(std::string text, Place place = {}, Style style = Style::Text);
  static Node list(std::vector<Node> items, Place place = {});
  static Node map(Place place = {});

  const Node* find(std::string_view name) const;
  Node* find(std::string_view name);
  /// The value of `name`, added as Null if it is not there. A scalar or list keeps its kind, so
  /// that the decoder still refuses it.
  Node& at(std::string_view name);
};

struct Field {
  std::string name;
  Place place;
  Node value;
};

inline Node Node::scalar(std::string text, Place place, Style style) {
  Node node;
  node.kind = Kind::Scalar;
  node.style = style;
  node.text = std::move(text);
  node.place = std::move(place);
  return node;
}

inline Node Node::list(std::vector<Node> items, Place place) {
  Node node;
  node.kind = Kind::List;
  node.items = std::move(items);
  node.place = std::move(place);
  return node;
}

inline Node Node::map(Place place) {
  Node node;
  node.kind = Kind::Map;
  node.place = std::move(place);
  return node;
}

inline const Node* Node::find(std::string_view name) const {
  for (const Field& field : fields) {
    if (field.name == name) {
      return &field.value;
    }
  }
  return nullptr;
}

inline Node* Node::find(std::string_view name) {
  return const_cast<Node*>(static_cast<const Node*>(this)->find(name));
}

inline Node& Node::at(std::string_view name) {
  if (Node* found = find(name)) {
    return *found;
  }
  if (kind == Kind::Null) {
    kind = Kind::Map;
  }
  fields.push_back({std::string(name), place, {}});
  return fields.back().value;
}

}  // namespace headgate::config
