#include "api/anthropic_models.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "api/form.h"
#include "base/json_writer.h"

namespace headgate::api {
namespace {

using Models = std::span<const std::shared_ptr<const routing::Model>>;

constexpr std::size_t kUsualPage = 20;
constexpr std::size_t kLargestPage = 1000;

void write_known(JsonWriter& json, std::string_view name, std::uint64_t tokens) {
  json.key(name);
  if (tokens == 0) {
    json.null();
  } else {
    json.number(tokens);
  }
}

void write_model(JsonWriter& json, const routing::Model& model) {
  const routing::Target& first = model.targets.front();
  json.begin_object().key("type").text("model").key("id").text(model.name);
  json.key("display_name").text(model.name);
  json.key("created_at").text("1970-01-01T00:00:00Z");  // which the vendor says of unknown ones
  write_known(json, "max_input_tokens", first.context);
  write_known(json, "max_tokens", first.max_output);
  json.key("lifecycle").text("active").key("capabilities").null().end_object();
}

Result<std::size_t> page_size(const std::string& text) {
  std::size_t size = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (failed != std::errc() || end != text.data() + text.size() || size == 0 ||
      size > kLargestPage) {
    return fail(invalid_request("'limit' must be a whole number from 1 to 1000.", "limit"));
  }
  return size;
}

/// A part of the list, and whether there is more in the direction of reading.
struct Page {
  Models models;
  bool more = false;
};

Result<std::size_t> place_of(const routing::Catalog& catalog, const std::string& param,
                             const std::string& id) {
  const auto& all = catalog.models();
  const auto found = std::ranges::find(all, id, [](const auto& model) { return model->name; });
  if (found == all.end()) {
    return fail(invalid_request("'" + param + "' must be the id of a model.", param));
  }
  return static_cast<std::size_t>(found - all.begin());
}

Result<Page> page_of(const routing::Catalog& catalog, std::string_view query) {
  auto parameters = parse_query(query);
  if (!parameters) {
    return fail(parameters.error());
  }
  std::size_t limit = kUsualPage;
  if (const auto given = parameters->find("limit"); given != parameters->end()) {
    auto size = page_size(given->second);
    if (!size) {
      return fail(size.error());
    }
    limit = *size;
  }
  Models rest = catalog.models();
  const auto before = parameters->find("before_id");
  if (before != parameters->end()) {
    auto place = place_of(catalog, "before_id", before->second);
    if (!place) {
      return fail(place.error());
    }
    rest = rest.first(*place);
    const std::size_t size = std::min(limit, rest.size());
    return Page{.models = rest.last(size), .more = rest.size() > size};
  }
  if (const auto after = parameters->find("after_id"); after != parameters->end()) {
    auto place = place_of(catalog, "after_id", after->second);
    if (!place) {
      return fail(place.error());
    }
    rest = rest.subspan(*place + 1);
  }
  const std::size_t size = std::min(limit, rest.size());
  return Page{.models = rest.first(size), .more = rest.size() > size};
}

void write_id(JsonWriter& json, std::string_view name, const routing::Model* model) {
  json.key(name);
  if (model == nullptr) {
    json.null();
  } else {
    json.text(model->name);
  }
}

}  // namespace

Result<edge::Response> anthropic_models(const routing::Catalog& catalog, const Call& call) {
  edge::Response response;
  JsonWriter json(response.body);
  if (!call.path_values.empty()) {
    auto model = catalog.find(call.path_values.front());
    if (!model) {
      return fail(model.error());
    }
    write_model(json, **model);
    return response;
  }
  auto page = page_of(catalog, call.http.query);
  if (!page) {
    return fail(page.error());
  }
  const Models& models = page->models;
  json.begin_object().key("data").begin_array();
  for (const auto& model : models) {
    write_model(json, *model);
  }
  json.end_array().key("has_more").raw(page->more ? "true" : "false");
  write_id(json, "first_id", models.empty() ? nullptr : models.front().get());
  write_id(json, "last_id", models.empty() ? nullptr : models.back().get());
  json.end_object();
  return response;
}

}  // namespace headgate::api
