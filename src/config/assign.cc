#include "config/assign.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/encoding.h"
#include "config/text_checks.h"
#include "config/units.h"

namespace headgate::config {
namespace {

using Problem = std::optional<std::string>;

std::string joined(std::span<const std::string_view> words) {
  std::string list;
  for (const std::string_view word : words) {
    list.append(list.empty() ? "" : ", ").append(word);
  }
  return list;
}

std::string shown_bound(const Option& option, double bound) {
  switch (option.type) {
    case Type::Duration:
      return format_duration(Milliseconds{static_cast<std::int64_t>(bound)});
    case Type::Size:
      return format_size(static_cast<std::uint64_t>(bound));
    case Type::Number: {
      std::array<char, 32> buffer{};
      const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), bound).ptr;
      return {buffer.data(), end};
    }
    default:
      return std::to_string(static_cast<std::uint64_t>(bound));
  }
}

/// A scalar on its way into a slot.
class Assignment {
 public:
  Assignment(const Option& option, const Node& node) : option_(option), node_(node) {}

  Problem operator()(std::string* slot) const {
    if (auto wrong = need_scalar()) {
      return wrong;
    }
    std::string text = node_.text;
    if (auto wrong = match_allowed(text)) {
      return wrong;
    }
    if (auto wrong = check(text)) {
      return wrong;
    }
    *slot = std::move(text);
    return std::nullopt;
  }

  Problem operator()(bool* slot) const {
    if (auto wrong = need_scalar()) {
      return wrong;
    }
    const std::string word = ascii_lower(node_.text);
    const bool yes = word == "true" || word == "yes" || word == "on" || word == "1";
    const bool no = word == "false" || word == "no" || word == "off" || word == "0";
    if (!yes && !no) {
      return shown(node_.text) + " is not true or false";
    }
    *slot = yes;
    return std::nullopt;
  }

  Problem operator()(unsigned* slot) const {
    std::uint64_t wide = *slot;
    if (option_.type == Type::AutoCount && node_.kind == Node::Kind::Scalar &&
        ascii_lower(node_.text) == "auto") {
      *slot = 0;
      return std::nullopt;
    }
    if (auto wrong = (*this)(&wide)) {
      return wrong;
    }
    if (wide > std::numeric_limits<unsigned>::max()) {
      return shown(node_.text) + " is too large";
    }
    *slot = static_cast<unsigned>(wide);
    return std::nullopt;
  }

  Problem operator()(std::uint64_t* slot) const {
    if (auto wrong = need_scalar()) {
      return wrong;
    }
    std::optional<std::uint64_t> value;
    if (option_.type == Type::Size) {
      value = parse_size(node_.text);
      if (!value) {
        return shown(node_.text) +
               " is not a size; write for example 8KiB, 10MiB or a number of "
               "bytes";
      }
    } else {
      value = whole_number();
      if (!value) {
        return shown(node_.text) + (option_.type == Type::AutoCount
                                        ? " is not a whole number or auto"
                                        : " is not a whole number");
      }
    }
    if (auto wrong = out_of_bounds(static_cast<double>(*value))) {
      return wrong;
    }
    *slot = *value;
    return std::nullopt;
  }

  Problem operator()(double* slot) const {
    if (auto wrong = need_scalar()) {
      return wrong;
    }
    double value = 0;
    const char* end = node_.text.data() + node_.text.size();
    const auto [stop, error] = std::from_chars(node_.text.data(), end, value);
    if (error != std::errc{} || stop != end || !std::isfinite(value)) {
      return shown(node_.text) + " is not a number";
    }
    if (auto wrong = out_of_bounds(value)) {
      return wrong;
    }
    *slot = value;
    return std::nullopt;
  }

  Problem operator()(Milliseconds* slot) const {
    if (auto wrong = need_scalar()) {
      return wrong;
    }
    const auto value = parse_duration(node_.text);
    if (!value) {
      return shown(node_.text) + " is not a duration; write for example 300ms, 30s, 5m, 24h or 15d";
    }
    if (auto wrong = out_of_bounds(static_cast<double>(value->count()))) {
      return wrong;
    }
    *slot = *value;
    return std::nullopt;
  }

  Problem operator()(std::vector<std::string>* slot) const {
    std::vector<std::string> texts;
    if (auto wrong = collect(texts)) {
      return wrong;
    }
    for (std::string& text : texts) {
      if (auto wrong = match_allowed(text)) {
        return wrong;
      }
      if (auto wrong = check(text)) {
        return wrong;
      }
    }
    *slot = std::move(texts);
    return std::nullopt;
  }

  Problem operator()(Secret* slot) const {
    if (auto wrong = need_scalar()) {
      return wrong;
    }
    if (auto wrong = unusable(node_.text)) {
      return wrong;
    }
    *slot = Secret(node_.text);
    return std::nullopt;
  }

  Problem operator()(std::vector<Secret>* slot) const {
    std::vector<std::string> texts;
    if (auto wrong = collect(texts)) {
      return wrong;
    }
    std::vector<Secret> secrets;
    for (std::string& text : texts) {
      if (auto wrong = unusable(text)) {
        return wrong;
      }
      if (!text.empty()) {  // "${OPENAI_API_KEY_2:-}" of a key that is not there
        secrets.emplace_back(std::move(text));
      }
    }
    *slot = std::move(secrets);
    return std::nullopt;
  }

  Problem operator()(model::ScopeSet* slot) const {
    std::vector<std::string> texts;
    if (auto wrong = collect(texts)) {
      return wrong;
    }
    model::ScopeSet scopes;
    for (const std::string& text : texts) {
      if (!add_scopes(text, scopes)) {
        return shown(text) + " is not a scope; the scopes are " + joined(model::kScopeNames);
      }
    }
    *slot = scopes;
    return std::nullopt;
  }

 private:
  std::string shown(std::string_view text) const {
    if (option_.type == Type::Secret || option_.type == Type::SecretList) {
      return "the value";
    }
    if (node_.expanded) {
      return "the value of the environment variable";
    }
    constexpr std::size_t kLongest = 80;
    const std::string masked = option_.type == Type::Url ? mask_url(text) : std::string(text);
    return json_quote(masked.size() <= kLongest ? masked : masked.substr(0, kLongest) + "...");
  }

  Problem need_scalar() const {
    if (node_.kind == Node::Kind::Scalar) {
      return std::nullopt;
    }
    return "expected one value (" + describe_type(option_) + "), not a " +
           (node_.kind == Node::Kind::List ? "list" : "map");
  }

  std::optional<std::uint64_t> whole_number() const {
    std::uint64_t value = 0;
    const char* end = node_.text.data() + node_.text.size();
    const auto [stop, error] = std::from_chars(node_.text.data(), end, value);
    if (error != std::errc{} || stop != end) {
      return std::nullopt;
    }
    return value;
  }

  Problem out_of_bounds(double value) const {
    const bool bounded = option_.maximum > 0;
    if (value >= option_.minimum && (!bounded || value <= option_.maximum)) {
      return std::nullopt;
    }
    if (!bounded) {
      return shown(node_.text) + " is too small; at least " + shown_bound(option_, option_.minimum);
    }
    return shown(node_.text) + " is out of bounds; allowed are " +
           shown_bound(option_, option_.minimum) + " to " + shown_bound(option_, option_.maximum);
  }

  /// Makes `text` the allowed word that it is in other letters.
  Problem match_allowed(std::string& text) const {
    if (option_.allowed.empty()) {
      return std::nullopt;
    }
    const auto match = std::ranges::find_if(option_.allowed, [&](std::string_view word) {
      return ascii_equal_ignore_case(word, text);
    });
    if (match == option_.allowed.end()) {
      return shown(text) + " is not one of " + joined(option_.allowed);
    }
    text = *match;
    return std::nullopt;
  }

  Problem check(std::string_view text) const {
    if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
      return "must not hold a line break";
    }
    if (option_.check == nullptr) {
      return std::nullopt;
    }
    auto wrong = option_.check(text);
    return wrong ? shown(text) + " " + *wrong : wrong;
  }

  static Problem unusable(std::string_view secret) {
    const bool control = std::ranges::any_of(
        secret, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    return control ? Problem("the value holds a line break or another control character")
                   : Problem();
  }

  Problem collect(std::vector<std::string>& texts) const {
    if (node_.kind == Node::Kind::Scalar) {
      if (!node_.text.empty()) {
        texts.push_back(node_.text);
      }
      return std::nullopt;
    }
    if (node_.kind != Node::Kind::List) {
      return Problem("expected a list, not a map");
    }
    for (const Node& item : node_.items) {
      if (item.kind != Node::Kind::Scalar) {
        return Problem("expected a list of plain values");
      }
      texts.push_back(item.text);
    }
    return std::nullopt;
  }

  static bool add_scopes(std::string_view text, model::ScopeSet& scopes) {
    if (const auto scope = model::scope_named(text)) {
      scopes.add(*scope);
      return true;
    }
    if (!text.ends_with(":*")) {
      return false;
    }
    bool any = false;
    for (const std::string_view name : model::kScopeNames) {
      if (name.starts_with(text.substr(0, text.size() - 1))) {
        scopes.add(*model::scope_named(name));
        any = true;
      }
    }
    return any;
  }

  const Option& option_;
  const Node& node_;
};

Node literal(std::string text) { return Node::scalar(std::move(text), {}, Node::Style::Literal); }

/// A slot's value on its way out.
class Writing {
 public:
  Writing(const Option& option, Masking masking) : option_(option), masking_(masking) {}

  Node operator()(const std::string* slot) const {
    const bool mask = option_.type == Type::Url && masking_ == Masking::Masked;
    return Node::scalar(mask ? mask_url(*slot) : *slot);
  }
  Node operator()(const bool* slot) const { return literal(*slot ? "true" : "false"); }
  Node operator()(const unsigned* slot) const {
    const bool automatic = option_.type == Type::AutoCount && *slot == 0;
    return automatic ? Node::scalar("auto") : literal(std::to_string(*slot));
  }
  Node operator()(const std::uint64_t* slot) const {
    return option_.type == Type::Size ? Node::scalar(format_size(*slot))
                                      : literal(std::to_string(*slot));
  }
  Node operator()(const double* slot) const {
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), *slot).ptr;
    return literal({buffer.data(), end});
  }
  Node operator()(const Milliseconds* slot) const { return Node::scalar(format_duration(*slot)); }
  Node operator()(const std::vector<std::string>* slot) const {
    std::vector<Node> items;
    for (const std::string& text : *slot) {
      items.push_back(Node::scalar(text));
    }
    return Node::list(std::move(items));
  }
  Node operator()(const Secret* slot) const { return secret(*slot); }
  Node operator()(const std::vector<Secret>* slot) const {
    std::vector<Node> items;
    for (const Secret& item : *slot) {
      items.push_back(secret(item));
    }
    return Node::list(std::move(items));
  }
  Node operator()(const model::ScopeSet* slot) const {
    std::vector<Node> items;
    for (const std::string_view name : model::kScopeNames) {
      if (slot->contains(*model::scope_named(name))) {
        items.push_back(Node::scalar(std::string(name)));
      }
    }
    return Node::list(std::move(items));
  }

 private:
  Node secret(const Secret& value) const {
    const bool mask = masking_ == Masking::Masked && !value.empty();
    return Node::scalar(mask ? "***" : value.reveal());
  }

  const Option& option_;
  Masking masking_;
};

std::string_view type_name(const Option& option) {
  switch (option.type) {
    case Type::Text:
      return option.allowed.empty() ? "text" : "";
    case Type::Url:
      return "URL";
    case Type::Switch:
      return "true or false";
    case Type::Count:
      return "whole number";
    case Type::AutoCount:
      return "whole number or auto";
    case Type::Number:
      return "number";
    case Type::Duration:
      return "duration";
    case Type::Size:
      return "size";
    case Type::TextList:
      return option.allowed.empty() ? "list" : "list of ";
    case Type::Secret:
      return "secret";
    case Type::SecretList:
      return "list of secrets";
    case Type::Scopes:
      return "list of scopes";
  }
  return "";
}

}  // namespace

std::optional<std::string> assign(const Option& option, const Slot& slot, const Node& node) {
  if (node.kind == Node::Kind::Null) {
    return std::nullopt;  // "key:" with nothing after it keeps the default
  }
  return std::visit(Assignment(option, node), slot);
}

Node written(const Option& option, const Slot& slot, Masking masking) {
  return std::visit(Writing(option, masking), slot);
}

std::string describe_type(const Option& option) {
  std::string text(type_name(option));
  if (!option.allowed.empty()) {
    return text + joined(option.allowed);
  }
  if (option.maximum > 0) {
    text.append(", ").append(shown_bound(option, option.minimum)).append(" to ");
    text.append(shown_bound(option, option.maximum));
  }
  return text;
}

}  // namespace headgate::config
