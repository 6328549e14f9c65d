#include "api/openapi.h"

#include <array>
#include <bit>
#include <set>
#include <string>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/routes.h"
#include "api/schemas.h"
#include "base/event_loop.h"

namespace headgate::api {
namespace {

namespace json = boost::json;

class Nowhere final : public Endpoint {
 public:
  Task<Result<edge::Response>> handle(Call) const override { co_return edge::Response(); }
};

/// The real table, every row leading nowhere.
std::vector<Route> all_routes() {
  static const Nowhere nowhere;
  std::array<const Endpoint*, sizeof(Endpoints) / sizeof(const Endpoint*)> pointers;
  pointers.fill(&nowhere);
  return make_routes(std::bit_cast<Endpoints>(pointers));
}

json::object document() { return json::parse(openapi_document(all_routes(), "1.2.3")).as_object(); }

/// All "$ref" texts below `value`.
void collect_refs(const json::value& value, std::set<std::string>& refs) {
  if (const json::array* array = value.if_array()) {
    for (const json::value& item : *array) {
      collect_refs(item, refs);
    }
  } else if (const json::object* object = value.if_object()) {
    for (const auto& [key, item] : *object) {
      if (key == "$ref") {
        refs.emplace(item.as_string());
      }
      collect_refs(item, refs);
    }
  }
}

std::string path_of(const Route& route) {
  std::string path(route.pattern);
  const std::size_t dots = path.find("...");
  return dots == std::string::npos ? path : path.erase(dots, 3);
}

const json::object& operation_of(const json::object& document, const char* path,
                                 const char* method) {
  return document.at("paths").as_object().at(path).as_object().at(method).as_object();
}

TEST(OpenApi, HasEveryRouteOfTheTableAndNoOther) {
  const json::object made = document();
  std::size_t operations = 0;
  for (const auto& path : made.at("paths").as_object()) {
    operations += path.value().as_object().size();
  }
  const std::vector<Route> routes = all_routes();
  EXPECT_EQ(operations, routes.size());
  for (const Route& route : routes) {
    EXPECT_TRUE(made.at("paths").as_object().contains(path_of(route))) << route.pattern;
  }
  EXPECT_EQ(made.at("openapi").as_string(), "3.1.0");
  EXPECT_EQ(made.at("info").at("version").as_string(), "1.2.3");
}

TEST(OpenApi, EveryReferenceLeadsSomewhere) {
  const json::value made = document();
  std::set<std::string> refs;
  collect_refs(made, refs);
  EXPECT_GT(refs.size(), 10U);
  for (const std::string& ref : refs) {
    ASSERT_TRUE(ref.starts_with('#')) << ref;
    boost::json::error_code error;
    EXPECT_NE(made.find_pointer(ref.substr(1), error), nullptr) << ref;
  }
}

TEST(OpenApi, OperationsHaveUniqueIdsTagsAndAnswers) {
  std::set<std::string> ids;
  const json::object made = document();
  for (const auto& path : made.at("paths").as_object()) {
    for (const auto& method : path.value().as_object()) {
      const json::object& operation = method.value().as_object();
      EXPECT_TRUE(ids.emplace(operation.at("operationId").as_string()).second) << path.key();
      EXPECT_FALSE(operation.at("tags").as_array().empty()) << path.key();
      EXPECT_FALSE(operation.at("summary").as_string().empty()) << path.key();
      EXPECT_FALSE(operation.at("responses").as_object().empty()) << path.key();
      EXPECT_TRUE(operation.contains("security")) << path.key();
    }
  }
}

TEST(OpenApi, OperationIdsAreWordsOfMethodAndPath) {
  const json::object made = document();
  EXPECT_EQ(operation_of(made, "/v1/chat/completions", "post").at("operationId").as_string(),
            "postV1ChatCompletions");
  EXPECT_EQ(operation_of(made, "/v1/models/{id}", "get").at("operationId").as_string(),
            "getV1ModelsId");
  EXPECT_EQ(operation_of(made, "/openapi.json", "get").at("operationId").as_string(),
            "getOpenapiJson");
}

TEST(OpenApi, PathParametersAreDeclared) {
  const json::object made = document();
  const auto& parameter =
      operation_of(made, "/v1/models/{id}", "get").at("parameters").as_array().at(0).as_object();
  EXPECT_EQ(parameter.at("name").as_string(), "id");
  EXPECT_EQ(parameter.at("in").as_string(), "path");
}

TEST(OpenApi, ErrorsOfTheTaskApiHaveNoDetail) {
  const json::object made = document();
  const auto schema_of = [&](const char* path) {
    return operation_of(made, path, "post")
        .at("responses")
        .at("400")
        .at("content")
        .at("application/json")
        .at("schema")
        .at("$ref")
        .as_string();
  };
  EXPECT_EQ(schema_of("/api/v1/inference/text-generation"), "#/components/schemas/Error");
  EXPECT_EQ(schema_of("/api/chat"), "#/components/schemas/ErrorWithDetail");
}

TEST(OpenApi, SaysHowBodiesTravel) {
  const auto row = [](std::string_view pattern, std::string_view request,
                      std::string_view response) {
    return Route{.method = edge::Method::Post,
                 .pattern = pattern,
                 .auth = Authenticated{},
                 .surface = Surface::Classic,
                 .kind = {},
                 .tag = "Test",
                 .summary = "A route",
                 .request_schema = request,
                 .response_schema = response,
                 .endpoint = nullptr};
  };
  const std::array routes = {
      row("/form", "TokenForm", "TokenPair"), row("/file", "ExtractRequest", "Extraction"),
      row("/stream", "ChatRequest", "ChatCompletion"), row("/create", "ApiKeyRequest", "NewApiKey"),
      row("/upload", "ClassifyForm", "ClassificationTask")};
  const json::object made = json::parse(openapi_document(routes, "1")).as_object();
  const auto taken = [&](const char* path) {
    return operation_of(made, path, "post").at("requestBody").at("content").as_object();
  };
  const auto responses = [&](const char* path) {
    return operation_of(made, path, "post").at("responses").as_object();
  };
  EXPECT_TRUE(taken("/form").contains("application/x-www-form-urlencoded"));
  EXPECT_FALSE(taken("/form").contains("application/json"));
  EXPECT_TRUE(taken("/file").contains("multipart/form-data"));
  EXPECT_TRUE(taken("/file").contains("application/json"));
  EXPECT_TRUE(
      responses("/stream").at("200").at("content").as_object().contains("text/event-stream"));
  EXPECT_TRUE(responses("/create").contains("201"));
  EXPECT_TRUE(taken("/upload").contains("multipart/form-data"));
  EXPECT_FALSE(taken("/upload").contains("application/json"));
  EXPECT_TRUE(responses("/upload").contains("202"));
}

TEST(OpenApi, SoundTextAndEventsAreSaidToBeSuch) {
  const json::object made = document();
  const auto answers = [&](const char* path) {
    return operation_of(made, path, "post").at("responses").at("200").at("content").as_object();
  };
  EXPECT_TRUE(answers("/v1/audio/speech").contains("audio/*"));
  EXPECT_FALSE(answers("/v1/audio/speech").contains("application/json"));
  EXPECT_TRUE(answers("/v1/audio/transcriptions").contains("text/plain"));
  for (const char* path :
       {"/v1/audio/speech", "/v1/audio/transcriptions", "/v1/images/generations"}) {
    EXPECT_TRUE(answers(path).contains("text/event-stream")) << path;
  }
  EXPECT_TRUE(operation_of(made, "/v1/audio/transcriptions", "post")
                  .at("requestBody")
                  .at("content")
                  .as_object()
                  .contains("multipart/form-data"));
}

TEST(OpenApi, OpenRoutesSaySoAndProtectedOnesNameTheirScope) {
  const json::object made = document();
  EXPECT_TRUE(operation_of(made, "/health", "get").at("security").as_array().empty());
  const json::object& chat = operation_of(made, "/v1/chat/completions", "post");
  EXPECT_EQ(chat.at("security").at(0).at("ApiKey").at(0).as_string(), "inference:text");
  for (const char* status : {"400", "401", "403", "404", "413", "429", "502", "503", "504"}) {
    EXPECT_TRUE(chat.at("responses").as_object().contains(status)) << status;
  }
}

TEST(OpenApi, AMissingSchemaIsABug) {
  std::vector<Route> routes = all_routes();
  routes[0].response_schema = "Missing";
  EXPECT_THROW(openapi_document(routes, "1"), std::logic_error);
}

TEST(Schemas, AreObjectsWithNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const Schema& schema : schemas()) {
    EXPECT_TRUE(names.insert(schema.name).second) << schema.name;
    boost::json::error_code error;
    const json::value parsed =
        json::parse(json::string_view(schema.json.data(), schema.json.size()), error);
    EXPECT_FALSE(error) << schema.name << ": " << error.message();
    EXPECT_TRUE(parsed.is_object()) << schema.name;
  }
  EXPECT_EQ(find_schema("nothing"), nullptr);
}

edge::Response get(const Endpoint& endpoint, std::span<const edge::Field> fields) {
  EventLoop loop;
  model::RequestContext context;
  edge::Request request;
  request.fields = fields;
  const Call call{request, context, {}};
  return std::move(run_on(loop, endpoint.handle(call)).value());
}

TEST(OpenApiEndpoint, AnswersWithATagAndThenNotModified) {
  OpenApiEndpoint endpoint;
  endpoint.describe(all_routes(), "1");
  const edge::Response first = get(endpoint, {});
  EXPECT_TRUE(json::parse(first.body).is_object());
  const std::size_t start = first.fields.find('"');
  const std::string etag =
      first.fields.substr(start, first.fields.find('"', start + 1) - start + 1);

  const std::array fields = {edge::Field{"If-None-Match", etag}};
  const edge::Response second = get(endpoint, fields);

  EXPECT_EQ(second.status, 304);
  EXPECT_TRUE(second.body.empty());
}

}  // namespace
}  // namespace headgate::api
