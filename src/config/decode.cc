#include "config/decode.h"

#include <algorithm>

#include "config/assign.h"
#include "config/nearest.h"
#include "config/text_checks.h"

namespace headgate::config {
namespace {

constexpr std::size_t kMostProblems = 20;

class Decoder {
 public:
  explicit Decoder(Problems& problems) : problems_(problems) {}

  void section(const Section& section, const Node& node, void* owner, const std::string& path) {
    if (node.kind == Node::Kind::Null) {
      return;
    }
    if (node.kind != Node::Kind::Map) {
      problem(node.place, path, "expected a map of options, not a " + kind_of(node));
      return;
    }
    // In the table's order, so that `queue` is known before the models that start from it.
    for (const Field& field : node.fields) {
      if (!is_known(section, field.name)) {
        unknown(section, field, path);
      }
    }
    for (const Option& option : section.options) {
      const Node* value = node.find(option.name);
      if (value == nullptr) {
        continue;
      }
      if (auto wrong = assign(option, option.slot(owner), *value)) {
        problem(value->place, joined(path, option.name), *wrong);
      }
    }
    for (const Section& child : section.sections) {
      if (const Node* value = node.find(child.name)) {
        enter(child, *value, owner, joined(path, child.name));
      }
    }
  }

 private:
  void enter(const Section& child, const Node& node, void* owner, const std::string& path) {
    switch (child.shape) {
      case Shape::One:
        section(child, node, child.enter(owner), path);
        return;
      case Shape::Named:
        named(child, node, owner, path);
        return;
      case Shape::Listed:
        listed(child, node, owner, path);
        return;
    }
  }

  void named(const Section& child, const Node& node, void* owner, const std::string& path) {
    if (node.kind == Node::Kind::Null) {
      return;
    }
    if (node.kind != Node::Kind::Map) {
      problem(node.place, path, "expected a map from names to options, not a " + kind_of(node));
      return;
    }
    for (const Field& field : node.fields) {
      if (auto wrong = check_name(field.name)) {
        problem(field.place, path, "\"" + field.name + "\" " + *wrong);
        continue;
      }
      void* entry = child.add(owner, field.name);
      section(child, field.value, entry, joined(path, field.name));
    }
  }

  void listed(const Section& child, const Node& node, void* owner, const std::string& path) {
    if (node.kind == Node::Kind::Null) {
      return;
    }
    if (node.kind != Node::Kind::List) {
      problem(node.place, path, "expected a list, not a " + kind_of(node));
      return;
    }
    std::size_t number = 0;
    for (const Node& item : node.items) {
      section(child, item, child.add(owner, {}), path + "[" + std::to_string(number++) + "]");
    }
  }

  static bool is_known(const Section& section, std::string_view name) {
    const auto named_so = [&](const auto& row) { return row.name == name; };
    return std::ranges::any_of(section.options, named_so) ||
           std::ranges::any_of(section.sections, named_so);
  }

  void unknown(const Section& section, const Field& field, const std::string& path) {
    std::vector<std::string> known;
    for (const Option& option : section.options) {
      known.push_back(joined(path, option.name));
    }
    for (const Section& child : section.sections) {
      known.push_back(joined(path, child.name));
    }
    const std::string full = joined(path, field.name);
    std::string closest = nearest(full, known);
    // A key that is right in another section is more likely misplaced than misspelt.
    if (edit_distance(full, closest) > 2) {
      for (const std::string& other : option_paths()) {
        if (other.ends_with("." + field.name)) {
          closest = other;
          break;
        }
      }
    }
    problem(field.place, {},
            "unknown key \"" + full + "\"; the nearest known key is \"" + closest + "\"");
  }

  static std::string joined(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : path + "." + std::string(name);
  }

  static std::string kind_of(const Node& node) {
    return node.kind == Node::Kind::List ? "list" : node.kind == Node::Kind::Map ? "map" : "value";
  }

  void problem(const Place& place, const std::string& path, const std::string& message) {
    if (problems_.size() < kMostProblems) {
      problems_.push_back(place.text() + ": " + (path.empty() ? "" : path + ": ") + message);
    }
  }

  Problems& problems_;
};

void merge_section(const Section& section, Node& base, Node over);

void merge_entries(const Section& child, Node& base, Node over) {
  if (over.kind != Node::Kind::Map || child.shape == Shape::Listed) {
    base = std::move(over);
    return;
  }
  for (Field& field : over.fields) {
    base.at(field.name) = std::move(field.value);
  }
}

void merge_section(const Section& section, Node& base, Node over) {
  if (over.kind == Node::Kind::Null) {
    return;
  }
  if (over.kind != Node::Kind::Map) {
    base = std::move(over);
    return;
  }
  base.place = over.place;
  for (Field& field : over.fields) {
    const auto child = std::ranges::find_if(
        section.sections, [&](const Section& row) { return row.name == field.name; });
    Node* known = base.find(field.name);
    if (known == nullptr) {
      base.kind = Node::Kind::Map;
      base.fields.push_back(std::move(field));
    } else if (field.value.kind == Node::Kind::Null) {
      continue;
    } else if (child == section.sections.end()) {
      *known = std::move(field.value);
    } else if (child->shape == Shape::One) {
      merge_section(*child, *known, std::move(field.value));
    } else {
      merge_entries(*child, *known, std::move(field.value));
    }
  }
}

}  // namespace

void decode(const Node& tree, Settings& settings, Problems& problems) {
  Decoder(problems).section(root_section(), tree, &settings, {});
}

void merge(Node& base, Node over) { merge_section(root_section(), base, std::move(over)); }

}  // namespace headgate::config
