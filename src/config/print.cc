#include "config/print.h"

#include <algorithm>
#include <string_view>

#include "base/encoding.h"
#include "config/options.h"

namespace headgate::config {
namespace {

Node write_section(const Section& section, void* owner, Masking masking);

Node write_child(const Section& child, void* owner, Masking masking) {
  if (child.shape == Shape::One) {
    return write_section(child, child.enter(owner), masking);
  }
  Node node = child.shape == Shape::Named ? Node::map() : Node::list({});
  for (const Entry& entry : child.entries(owner)) {
    Node value = write_section(child, entry.owner, masking);
    if (child.shape == Shape::Named) {
      node.fields.push_back({entry.name, {}, std::move(value)});
    } else {
      node.items.push_back(std::move(value));
    }
  }
  return node;
}

Node write_section(const Section& section, void* owner, Masking masking) {
  Node node = Node::map();
  for (const Option& option : section.options) {
    node.fields.push_back(
        {std::string(option.name), {}, written(option, option.slot(owner), masking)});
  }
  for (const Section& child : section.sections) {
    node.fields.push_back({std::string(child.name), {}, write_child(child, owner, masking)});
  }
  return node;
}

bool is_plain(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/';
  };
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  constexpr std::string_view kWords[] = {"true", "false", "null", "yes", "no", "on",
                                         "off",  "y",     "n",    "nan", "inf"};
  const bool starts_well = !text.empty() && (letter(text.front()) || text.front() == '/');
  return starts_well && std::ranges::all_of(text, plain) &&
         std::ranges::count(kWords, ascii_lower(text)) == 0;
}

/// JSON's quoting is also YAML's; ${ is kept from being expanded when the text is read again.
std::string yaml_text(std::string_view text) {
  if (is_plain(text)) {
    return std::string(text);
  }
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "${") {
      escaped.push_back('$');
    }
    escaped.push_back(text[i]);
  }
  return json_quote(escaped);
}

std::string yaml_scalar(const Node& node) {
  return node.style == Node::Style::Literal ? node.text : yaml_text(node.text);
}

bool is_flat(const Node& node) {
  return std::ranges::all_of(node.items,
                             [](const Node& item) { return item.kind == Node::Kind::Scalar; });
}

void write_yaml(const Node& node, std::size_t indent, std::string& out);

/// Writes what follows "key:" or "-", with the line's end.
void write_yaml_value(const Node& value, std::size_t indent, std::string& out) {
  switch (value.kind) {
    case Node::Kind::Null:
      out.append("\n");
      return;
    case Node::Kind::Scalar:
      out.append(" ").append(yaml_scalar(value)).append("\n");
      return;
    case Node::Kind::List:
      if (is_flat(value)) {
        out.append(" [");
        for (const Node& item : value.items) {
          out.append(&item == value.items.data() ? "" : ", ").append(yaml_scalar(item));
        }
        out.append("]\n");
        return;
      }
      break;
    case Node::Kind::Map:
      if (value.fields.empty()) {
        out.append(" {}\n");
        return;
      }
      break;
  }
  out.append("\n");
  write_yaml(value, indent, out);
}

void write_yaml(const Node& node, std::size_t indent, std::string& out) {
  for (const Field& field : node.fields) {
    out.append(indent, ' ').append(yaml_text(field.name)).append(":");
    write_yaml_value(field.value, indent + 2, out);
  }
  for (const Node& item : node.items) {
    out.append(indent, ' ').append("-");
    if (item.kind != Node::Kind::Map || item.fields.empty()) {
      write_yaml_value(item, indent + 2, out);
      continue;
    }
    std::string block;
    write_yaml(item, indent + 2, block);
    out.append(" ").append(std::string_view(block).substr(indent + 2));
  }
}

void write_json(const Node& node, std::string& out) {
  switch (node.kind) {
    case Node::Kind::Null:
      out.append("null");
      return;
    case Node::Kind::Scalar:
      out.append(node.style == Node::Style::Literal ? node.text : json_quote(node.text));
      return;
    case Node::Kind::List:
      out.push_back('[');
      for (const Node& item : node.items) {
        out.append(&item == node.items.data() ? "" : ",");
        write_json(item, out);
      }
      out.push_back(']');
      return;
    case Node::Kind::Map:
      out.push_back('{');
      for (const Field& field : node.fields) {
        out.append(&field == node.fields.data() ? "" : ",");
        out.append(json_quote(field.name)).push_back(':');
        write_json(field.value, out);
      }
      out.push_back('}');
      return;
  }
}

}  // namespace

Node written_tree(Settings settings, Masking masking) {
  return write_section(root_section(), &settings, masking);
}

std::string to_yaml(const Settings& settings) {
  return to_yaml(written_tree(settings, Masking::Masked));
}

std::string to_json(const Settings& settings) {
  return to_json(written_tree(settings, Masking::Masked));
}

std::string to_yaml(const Node& tree) {
  std::string out;
  write_yaml(tree, 0, out);
  return out;
}

std::string to_json(const Node& tree) {
  std::string out;
  write_json(tree, out);
  return out;
}

}  // namespace headgate::config
