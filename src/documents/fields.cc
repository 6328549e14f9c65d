#include "documents/fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/encoding.h"
#include "documents/understand_text.h"

namespace headgate::documents {

namespace {

constexpr std::size_t kMaxItems = 5'000;
constexpr float kMaxConfidence = 0.99F;

// The schema's own string, so that keys of the maps outlive the call.
std::string_view schema_path(DocumentType type, std::string_view path) {
  const auto paths = schema_of(type);
  const auto found = std::ranges::find(paths, path);
  return found == paths.end() ? std::string_view() : *found;
}

void write_value(std::string& out, const FieldValue& value) {
  if (const auto* number = std::get_if<double>(&value)) {
    out += json_number(*number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    out += json_quote(*text);
  } else {
    out += "null";
  }
}

void write_list(std::string& out, const std::vector<ListItem>& items) {
  out += '[';
  for (std::size_t i = 0; i < items.size(); ++i) {
    out += i > 0 ? "," : "";
    if (items[i].size() == 1 && items[i][0].first.empty()) {
      write_value(out, items[i][0].second);
      continue;
    }
    out += '{';
    for (std::size_t j = 0; j < items[i].size(); ++j) {
      out += j > 0 ? "," : "";
      out += json_quote(items[i][j].first);
      out += ':';
      write_value(out, items[i][j].second);
    }
    out += '}';
  }
  out += ']';
}

}  // namespace

std::string json_number(double value) {
  if (!std::isfinite(value)) {
    return "null";
  }
  std::array<char, 340> text;
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  return error == std::errc{} ? std::string(text.data(), end) : "null";
}

void Record::set(std::string_view path, FieldValue value, float confidence) {
  const std::string_view key = schema_path(type_, path);
  const auto* text = std::get_if<std::string>(&value);
  if (key.empty() || std::holds_alternative<std::monostate>(value) ||
      (text != nullptr && text->empty())) {
    return;
  }
  fields_[key] = {std::move(value), std::clamp(confidence, 0.0F, kMaxConfidence)};
}

void Record::clear(std::string_view path) {
  if (const auto found = fields_.find(path); found != fields_.end()) {
    fields_.erase(found);
  }
}

std::optional<double> Record::number(std::string_view path) const {
  const auto found = fields_.find(path);
  if (found == fields_.end()) {
    return std::nullopt;
  }
  const auto* number = std::get_if<double>(&found->second.value);
  return number != nullptr ? std::optional(*number) : std::nullopt;
}

std::optional<std::string> Record::text(std::string_view path) const {
  const auto found = fields_.find(path);
  if (found == fields_.end()) {
    return std::nullopt;
  }
  const auto* text = std::get_if<std::string>(&found->second.value);
  return text != nullptr ? std::optional(*text) : std::nullopt;
}

void Record::adjust(std::string_view path, float factor) {
  if (const auto found = fields_.find(path); found != fields_.end()) {
    found->second.confidence = std::clamp(found->second.confidence * factor, 0.0F, kMaxConfidence);
  }
}

void Record::add(std::string_view list, ListItem item) {
  const std::string_view key = schema_path(type_, list);
  if (!key.empty() && lists_[key].size() < kMaxItems) {
    lists_[key].push_back(std::move(item));
  }
}

const std::vector<ListItem>& Record::list(std::string_view path) const {
  static const std::vector<ListItem> none;
  const auto found = lists_.find(path);
  return found == lists_.end() ? none : found->second;
}

std::string Record::to_json() const {
  std::string out = "{";
  std::string_view open;  // the object whose fields are being written
  bool first = true;
  for (const std::string_view path : schema_of(type_)) {
    const std::size_t dot = path.find('.');
    const std::string_view group = dot == std::string_view::npos ? "" : path.substr(0, dot);
    std::string_view name = dot == std::string_view::npos ? path : path.substr(dot + 1);
    if (group != open) {
      out += open.empty() ? "" : "}";
      if (!group.empty()) {
        out += first && open.empty() ? "" : ",";
        out += json_quote(group);
        out += ":{";
        first = true;
      } else {
        first = false;
      }
      open = group;
    }
    out += first ? "" : ",";
    first = false;
    const bool is_list = name.ends_with("[]");
    out += json_quote(is_list ? name.substr(0, name.size() - 2) : name);
    out += ':';
    if (is_list) {
      write_list(out, list(path));
    } else if (const auto found = fields_.find(path); found != fields_.end()) {
      write_value(out, found->second.value);
    } else {
      out += "null";
    }
  }
  out += open.empty() ? "}" : "}}";
  return out;
}

}  // namespace headgate::documents
