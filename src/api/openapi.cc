#include "api/openapi.h"

#include <array>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "api/negotiation.h"
#include "api/schemas.h"
#include "base/encoding.h"
#include "base/hash.h"

namespace headgate::api {
namespace {

namespace json = boost::json;

std::string ref(std::string_view name) { return "#/components/schemas/" + std::string(name); }

json::object media_of(std::string_view schema) {
  return {{"schema", json::object{{"$ref", ref(schema)}}}};
}

const Schema& schema_named(std::string_view name, const Route& route) {
  const Schema* schema = find_schema(name);
  if (schema == nullptr) {
    throw std::logic_error("route " + std::string(route.pattern) + " names the schema " +
                           std::string(name) + ", which is missing in api/schemas*.cc");
  }
  return *schema;
}

std::string_view method_key(edge::Method method) {
  switch (method) {
    case edge::Method::Get:
      return "get";
    case edge::Method::Head:
      return "head";
    case edge::Method::Post:
      return "post";
    case edge::Method::Put:
      return "put";
    case edge::Method::Patch:
      return "patch";
    case edge::Method::Delete:
      return "delete";
    case edge::Method::Options:
      return "options";
    case edge::Method::Other:
      break;
  }
  throw std::logic_error("a route needs a method that HTTP names");
}

/// "/v1/models/{id...}" as OpenAPI writes it.
std::string path_key(std::string_view pattern) {
  std::string path(pattern);
  if (const std::size_t dots = path.find("...}"); dots != std::string::npos) {
    path.erase(dots, 3);
  }
  return path;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// "postV1ChatCompletions": the words of method and path, each after the first with a capital.
std::string operation_id(const Route& route) {
  std::string id(method_key(route.method));
  bool starts_word = true;
  for (const char c : route.pattern) {
    if (!is_letter_or_digit(c)) {
      starts_word = true;
    } else if (std::exchange(starts_word, false)) {
      id.push_back(static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c));
    } else {
      id.push_back(c);
    }
  }
  return id;
}

json::array parameters_of(const std::string& path) {
  json::array parameters;
  for (std::size_t at = path.find('{'); at != std::string::npos; at = path.find('{', at + 1)) {
    const std::size_t end = path.find('}', at);
    parameters.push_back(json::object{{"name", path.substr(at + 1, end - at - 1)},
                                      {"in", "path"},
                                      {"required", true},
                                      {"schema", json::object{{"type", "string"}}}});
  }
  return parameters;
}

json::object request_body(const Schema& schema) {
  json::object content;
  const bool takes_json = schema.media != Media::Form && schema.media != Media::Multipart;
  if (takes_json) {
    content["application/json"] = media_of(schema.name);
  }
  if (schema.media == Media::Form || schema.media == Media::JsonOrForm) {
    content["application/x-www-form-urlencoded"] = media_of(schema.name);
  }
  if (schema.media == Media::Multipart) {
    content["multipart/form-data"] = media_of(schema.name);
  }
  if (schema.media == Media::JsonOrMultipart) {
    content["multipart/form-data"] = media_of("DocumentForm");
  }
  return {{"required", schema.media != Media::JsonOrForm}, {"content", std::move(content)}};
}

json::object with_request_id(json::object response) {
  response["headers"] =
      json::object{{"x-request-id", json::object{{"$ref", "#/components/headers/RequestId"}}}};
  return response;
}

json::object text_content(std::string_view type) {
  return {{type, json::object{{"schema", json::object{{"type", "string"}}}}}};
}

/// Content of an answer that no schema describes: pages, scripts, figures.
json::object bare_content(const Route& route) {
  if (route.pattern == "/openapi.json") {
    return {{"application/json", json::object{{"schema", json::object{{"type", "object"}}}}}};
  }
  if (route.pattern == "/docs" || route.pattern == "/redoc") {
    return text_content("text/html");
  }
  return text_content(route.pattern == "/metrics" ? "text/plain" : "*/*");
}

bool has_events(const Schema& schema) {
  return schema.media == Media::JsonOrEvents || schema.media == Media::TextOrEvents ||
         schema.media == Media::SoundOrEvents;
}

void add_success(json::object& responses, const Route& route) {
  if (route.response_schema.empty()) {
    responses["200"] =
        with_request_id({{"description", "Success"}, {"content", bare_content(route)}});
    return;
  }
  const Schema& schema = schema_named(route.response_schema, route);
  json::object content;
  content[schema.media == Media::SoundOrEvents ? "audio/*" : "application/json"] =
      media_of(schema.name);
  if (schema.media == Media::TextOrEvents) {
    content["text/plain"] = json::object{{"schema", json::object{{"type", "string"}}}};
  }
  if (has_events(schema)) {
    const bool named =
        route.response_schema != "ChatCompletion" && route.response_schema != "Completion";
    content["text/event-stream"] = json::object{
        {"schema",
         json::object{{"type", "string"},
                      {"description", named ? "With \"stream\": true: the vendor's named events"
                                            : "With \"stream\": true: one JSON object in each "
                                              "data: line, then data: [DONE]"}}}};
  }
  responses[std::to_string(schema.status)] =
      with_request_id({{"description", "Success"}, {"content", std::move(content)}});
}

struct Refusal {
  std::string_view status;
  std::string_view description;
};

std::vector<Refusal> refusals_of(const Route& route) {
  std::vector<Refusal> refusals;
  const bool takes_body = !route.request_schema.empty();
  const bool inference = !route.kind.empty();
  if (takes_body) {
    refusals.push_back({"400", "The request is malformed; error.param names the field"});
  }
  const bool logs_in = route.pattern.starts_with("/auth/");  // with credentials in the body
  if (logs_in || !std::holds_alternative<Public>(route.auth)) {
    refusals.push_back({"401", "No or bad credentials"});
  }
  if (std::holds_alternative<model::Scope>(route.auth)) {
    refusals.push_back({"403", "The scope that this route needs is missing"});
  }
  if (inference || route.pattern.find('{') != std::string_view::npos) {
    refusals.push_back({"404", "There is no such model or object"});
  }
  if (takes_body) {
    refusals.push_back({"413", "The body is over its limit"});
    refusals.push_back({"415", "The content type is not one this route takes"});
  }
  if (inference || logs_in) {
    refusals.push_back({"429", "Too many requests; Retry-After says when to come again"});
  }
  if (inference) {
    refusals.push_back({"502", "Every target failed"});
    refusals.push_back({"503", "No room now; Retry-After says when to come again"});
    refusals.push_back({"504", "The time budget is spent"});
  } else if (route.pattern == "/ready" || route.pattern == "/health") {
    refusals.push_back({"503", "Not able to take requests"});
  }
  return refusals;
}

std::string_view error_schema_of(Surface surface) {
  switch (surface) {
    case Surface::Classic:
      return "ErrorWithDetail";
    case Surface::Anthropic:
      return "AnthropicError";
    case Surface::OpenAi:
    case Surface::TaskApi:
      break;
  }
  return "Error";
}

void add_refusals(json::object& responses, const Route& route) {
  const bool status_route = route.pattern == "/ready" || route.pattern == "/health";
  const std::string_view error_schema = error_schema_of(route.surface);
  for (const Refusal& refusal : refusals_of(route)) {
    // The status routes report in their own shape.
    const std::string_view schema = status_route ? route.response_schema : error_schema;
    json::object response =
        with_request_id({{"description", refusal.description},
                         {"content", json::object{{"application/json", media_of(schema)}}}});
    if (refusal.status == "429" || (refusal.status == "503" && !status_route)) {
      response["headers"].get_object()["Retry-After"] =
          json::object{{"$ref", "#/components/headers/RetryAfter"}};
    }
    responses[refusal.status] = std::move(response);
  }
  responses["default"] =
      with_request_id({{"description", "Any other refusal; error.code says why"},
                       {"content", json::object{{"application/json", media_of(error_schema)}}}});
}

json::array security_of(const Route& route) {
  if (std::holds_alternative<Public>(route.auth)) {
    return {};
  }
  json::array scopes;
  if (const auto* scope = std::get_if<model::Scope>(&route.auth)) {
    scopes.emplace_back(model::name_of(*scope));
  }
  return {json::object{{"ApiKey", scopes}}, json::object{{"Bearer", scopes}},
          json::object{{"Password", scopes}}};
}

json::object operation_of(const Route& route) {
  json::object operation;
  operation["tags"] = json::array{route.tag};
  operation["summary"] = route.summary;
  operation["operationId"] = operation_id(route);
  operation["security"] = security_of(route);
  if (json::array parameters = parameters_of(path_key(route.pattern)); !parameters.empty()) {
    operation["parameters"] = std::move(parameters);
  }
  if (!route.request_schema.empty()) {
    operation["requestBody"] = request_body(schema_named(route.request_schema, route));
  }
  json::object responses;
  add_success(responses, route);
  add_refusals(responses, route);
  operation["responses"] = std::move(responses);
  return operation;
}

json::object security_schemes() {
  json::object scopes;
  for (const std::string_view name : model::kScopeNames) {
    scopes[name] = name == "admin" ? "Everything" : name;
  }
  return {
      {"ApiKey", json::object{{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}}},
      {"Bearer", json::object{{"type", "http"},
                              {"scheme", "bearer"},
                              {"description", "An API key or an access token"}}},
      {"Password",
       json::object{
           {"type", "oauth2"},
           {"flows", json::object{{"password", json::object{{"tokenUrl", "/auth/token"},
                                                            {"refreshUrl", "/auth/refresh"},
                                                            {"scopes", std::move(scopes)}}}}}}},
  };
}

json::object components() {
  json::object all;
  for (const Schema& schema : schemas()) {
    all[schema.name] = json::parse(json::string_view(schema.json.data(), schema.json.size()));
  }
  return {
      {"schemas", std::move(all)},
      {"headers",
       json::object{{"RequestId",
                     json::object{{"description",
                                   "The caller's x-request-id, or a new one if it has none, one "
                                   "that is unusable, or several that differ"},
                                  {"schema", json::object{{"type", "string"}}}}},
                    {"RetryAfter",
                     json::object{{"description", "Seconds to wait before asking again"},
                                  {"schema", json::object{{"type", "integer"}, {"minimum", 0}}}}}}},
      {"securitySchemes", security_schemes()}};
}

}  // namespace

std::string openapi_document(std::span<const Route> routes, std::string_view version) {
  json::object paths;
  json::array tags;
  std::set<std::string_view> seen_tags;
  for (const Route& route : routes) {
    json::value& path = paths[path_key(route.pattern)];
    if (!path.is_object()) {
      path.emplace_object();
    }
    path.get_object()[method_key(route.method)] = operation_of(route);
    if (seen_tags.insert(route.tag).second) {
      tags.push_back(json::object{{"name", route.tag}});
    }
  }
  const json::object document{
      {"openapi", "3.1.0"},
      {"info", json::object{{"title", "Headgate"},
                            {"version", version},
                            {"description",
                             "AI inference gateway: chat, embeddings, images, sound and "
                             "documents behind one address."},
                            {"license",
                             json::object{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", json::array{json::object{{"url", "/"}}}},
      {"tags", std::move(tags)},
      {"paths", std::move(paths)},
      {"components", components()},
  };
  return json::serialize(document);
}

void OpenApiEndpoint::describe(std::span<const Route> routes, std::string_view version) {
  document_ = openapi_document(routes, version);
  etag_ = '"' + hex(as_view(sha256(document_)).substr(0, 16)) + '"';
}

Task<Result<edge::Response>> OpenApiEndpoint::handle(Call call) const {
  edge::Response response;
  response.add_field("ETag", etag_);
  response.add_field("Cache-Control", "no-cache");
  if (not_modified(call.http, etag_)) {
    response.status = 304;
    co_return response;
  }
  response.body = document_;
  co_return response;
}

}  // namespace headgate::api
