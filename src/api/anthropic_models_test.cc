#include "api/anthropic_models.h"

#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "config/settings.h"

namespace headgate::api {
namespace {

namespace json = boost::json;

class AnthropicModels : public testing::Test {
 protected:
  AnthropicModels() {
    config::Settings settings;
    config::ProviderSettings& provider = settings.providers.emplace_back();
    provider.name = "p";
    provider.protocol = "openai";
    provider.base_url = "http://127.0.0.1:1/v1";
    for (const char* name : {"a", "b", "c"}) {
      config::ModelSettings model;
      model.name = name;
      config::TargetSettings& target = model.targets.emplace_back();
      target.provider = "p";
      target.model = name;
      settings.models.push_back(model);
    }
    settings.models[1].targets.front().context = 200'000;
    catalog_ = *routing::Catalog::build(settings);
  }

  Result<edge::Response> ask(std::string_view query, std::vector<std::string> path = {}) {
    edge::Request http;
    http.query = query;
    return anthropic_models(*catalog_, Call{http, context_, path});
  }
  /// "ids has_more first last" of a page.
  std::string page(std::string_view query) {
    const auto response = ask(query);
    if (!response) {
      return response.error().param;
    }
    const json::object list = json::parse(response->body).as_object();
    std::string told;
    for (const json::value& model : list.at("data").as_array()) {
      told.append(model.at("id").as_string());
    }
    return told + (list.at("has_more").as_bool() ? " more " : " end ") +
           json::serialize(list.at("first_id")) + json::serialize(list.at("last_id"));
  }

  std::shared_ptr<const routing::Catalog> catalog_;
  model::RequestContext context_;
};

TEST_F(AnthropicModels, AreListedInPages) {
  EXPECT_EQ(page(""), R"(abc end "a""c")");
  EXPECT_EQ(page("limit=2"), R"(ab more "a""b")");
  EXPECT_EQ(page("limit=2&after_id=b"), R"(c end "c""c")");
  EXPECT_EQ(page("after_id=c"),
            "\x20"
            "end nullnull");
  EXPECT_EQ(page("before_id=c&limit=1"), R"(b more "b""b")");
  EXPECT_EQ(page("before_id=c"), R"(ab end "a""b")");
}

TEST_F(AnthropicModels, ABadPageNamesItsParameter) {
  EXPECT_EQ(page("limit=0"), "limit");
  EXPECT_EQ(page("limit=1001"), "limit");
  EXPECT_EQ(page("limit=x"), "limit");
  EXPECT_EQ(page("after_id=z"), "after_id");
  EXPECT_EQ(page("before_id=z"), "before_id");
}

TEST_F(AnthropicModels, OneHasWhatIsKnownOfIt) {
  const json::object model = json::parse(ask("", {"b"})->body).as_object();
  EXPECT_EQ(model.at("type").as_string(), "model");
  EXPECT_EQ(model.at("id").as_string(), "b");
  EXPECT_EQ(model.at("display_name").as_string(), "b");
  EXPECT_EQ(model.at("max_input_tokens").as_int64(), 200'000);
  EXPECT_TRUE(model.at("max_tokens").is_null());
  EXPECT_EQ(ask("", {"z"}).error().kind, ErrorKind::NotFound);
}

}  // namespace
}  // namespace headgate::api
