#include "api/model_object.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/encoding.h"

namespace headgate::api {
namespace {

using routing::Abilities;
using routing::Target;

/// The shortest text that reads back as the same number.
std::string number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), static_cast<std::size_t>(end - text.data())};
}

void add_largest(std::string& json, std::string_view name, const routing::Model& model,
                 std::uint64_t Target::* figure) {
  std::uint64_t largest = 0;
  for (const Target& target : model.targets) {
    largest = std::max(largest, target.*figure);
  }
  if (largest != 0) {
    json.append(",\"").append(name).append("\":").append(std::to_string(largest));
  }
}

void add_abilities(std::string& json, const routing::Model& model) {
  constexpr std::array<std::pair<std::string_view, bool Abilities::*>, 3> kAll = {
      {{"images", &Abilities::images},
       {"tools", &Abilities::tools},
       {"json_schema", &Abilities::json_schema}}};
  json.append(R"(,"abilities":[)");
  for (const auto& [name, ability] : kAll) {
    if (std::ranges::any_of(model.targets, [&](const Target& target) {
          return !target.embedded && target.abilities.*ability;
        })) {
      json.append(json.back() == '[' ? "" : ",").append(json_quote(name));
    }
  }
  json.push_back(']');
}

}  // namespace

std::string model_object(const routing::Model& model) {
  const Target& first = model.targets.front();
  std::string json = R"({"id":)" + json_quote(model.name) +
                     R"(,"object":"model","created":0,"owned_by":)" + json_quote(first.provider) +
                     R"(,"kind":)" + json_quote(model.kind);
  add_largest(json, "context_length", model, &Target::context);
  add_largest(json, "max_output_tokens", model, &Target::max_output);
  if (first.price_input != 0 || first.price_output != 0) {
    json.append(R"(,"pricing":{"input":)")
        .append(number(first.price_input))
        .append(R"(,"output":)")
        .append(number(first.price_output))
        .append("}");
  }
  if (model.kind == "chat") {
    add_abilities(json, model);
  }
  return json + "}";
}

}  // namespace headgate::api
