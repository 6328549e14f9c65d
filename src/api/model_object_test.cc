#include "api/model_object.h"

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

TEST(ModelObject, OfAModelOfWhichNothingIsKnownIsOpenAis) {
  routing::Model model;
  model.name = "vectors";
  model.kind = "embedding";
  model.targets.emplace_back().provider = "local";
  EXPECT_EQ(model_object(model), R"({"id":"vectors","object":"model","created":0,)"
                                 R"("owned_by":"local","kind":"embedding"})");
}

TEST(ModelObject, TellsWindowPriceAndAbilities) {
  routing::Model model;
  model.name = "m";
  model.kind = "chat";
  model.targets.resize(2);
  routing::Target& first = model.targets[0];
  first.provider = "a";
  first.context = 8192;
  first.price_input = 0.15;
  first.price_output = 0.6;
  first.abilities = {.images = false, .tools = true, .json_schema = false};
  routing::Target& second = model.targets[1];
  second.provider = "b";
  second.context = 128000;
  second.max_output = 4096;
  second.abilities = {.images = true, .tools = false, .json_schema = false};
  EXPECT_EQ(model_object(model),
            R"({"id":"m","object":"model","created":0,"owned_by":"a","kind":"chat",)"
            R"("context_length":128000,"max_output_tokens":4096,)"
            R"("pricing":{"input":0.15,"output":0.6},"abilities":["images","tools"]})");
}

}  // namespace
}  // namespace headgate::api
