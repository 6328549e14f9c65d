#include "config/expansion.h"

#include <algorithm>
#include <string_view>

namespace headgate::config {
namespace {

constexpr std::size_t kMaxExpandedBytes = 1 << 20;

bool is_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  return !text.empty() && letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

class Expander {
 public:
  explicit Expander(const Environment& environment) : environment_(environment) {}

  void visit(Node& node) {
    switch (node.kind) {
      case Node::Kind::Null:
        return;
      case Node::Kind::Scalar:
        expand_scalar(node);
        return;
      case Node::Kind::List:
        for (Node& item : node.items) {
          visit(item);
        }
        return;
      case Node::Kind::Map:
        for (Field& field : node.fields) {
          visit(field.value);
        }
        return;
    }
  }

  Expansion take() { return std::move(result_); }

 private:
  void expand_scalar(Node& node) {
    std::string_view rest = node.text;
    if (!rest.contains("${")) {
      return;
    }
    std::string out;
    while (!rest.empty()) {
      const auto start = rest.find("${");
      if (start == std::string_view::npos) {
        break;
      }
      if (start > 0 && rest[start - 1] == '$') {
        out.append(rest.substr(0, start - 1)).append("${");
        rest.remove_prefix(start + 2);
        continue;
      }
      out.append(rest.substr(0, start));
      const auto end = rest.find('}', start);
      if (end == std::string_view::npos) {
        problem(node, "\"${\" without \"}\"; write $${ for the characters themselves");
        return;
      }
      node.expanded = true;
      if (!append_value(node, rest.substr(start + 2, end - start - 2), out)) {
        return;
      }
      rest.remove_prefix(end + 1);
    }
    out.append(rest);
    node.text = std::move(out);
  }

  bool append_value(const Node& node, std::string_view inside, std::string& out) {
    const auto separator = inside.find(":-");
    const std::string name(inside.substr(0, separator));
    if (!is_name(name)) {
      problem(node, "\"${" + std::string(inside) +
                        "}\" is not ${NAME} or ${NAME:-default}; write $${ for the characters "
                        "themselves");
      return false;
    }
    result_.names.insert(name);
    const auto found = environment_.find(name);
    const bool has_default = separator != std::string_view::npos;
    if (found == environment_.end() && !has_default) {
      problem(node, "the environment variable " + name + " is not set; set it, or write ${" + name +
                        ":-default}");
      return false;
    }
    const bool use_default = has_default && (found == environment_.end() || found->second.empty());
    const std::string_view value = use_default ? inside.substr(separator + 2) : found->second;
    expanded_bytes_ += value.size();
    if (expanded_bytes_ > kMaxExpandedBytes) {
      if (!too_large_) {
        problem(node, "the expanded configuration is larger than 1 MiB");
      }
      too_large_ = true;
      return false;
    }
    out.append(value);
    return true;
  }

  void problem(const Node& node, std::string message) {
    result_.problems.push_back(node.place.text() + ": " + std::move(message));
  }

  const Environment& environment_;
  Expansion result_;
  std::size_t expanded_bytes_ = 0;
  bool too_large_ = false;
};

}  // namespace

Expansion expand(Node& tree, const Environment& environment) {
  Expander expander(environment);
  expander.visit(tree);
  return expander.take();
}

}  // namespace headgate::config
