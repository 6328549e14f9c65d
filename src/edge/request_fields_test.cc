#include "edge/request_fields.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::edge {
namespace {

constexpr std::string_view kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr std::string_view kOtherTrace = "00-11111111111111111111111111111111-b7ad6b7169203331-01";
constexpr std::size_t kUuid = 36;

struct Taken {
  std::string request_id;
  std::string traceparent;
  std::string client_id;
};

Taken taken_of(const std::vector<Field>& fields) {
  Request request;
  request.fields = fields;
  model::RequestContext context;
  take_request_fields(request, context);
  return {context.request_id, context.traceparent, context.client_id};
}

TEST(RequestFields, AreTakenFromTheCaller) {
  const auto taken =
      taken_of({{"X-Request-Id", "abc"}, {"Traceparent", kTrace}, {"x-client-id", "app"}});
  EXPECT_EQ(taken.request_id, "abc");
  EXPECT_EQ(taken.traceparent, kTrace);
  EXPECT_EQ(taken.client_id, "app");
}

TEST(RequestFields, ARequestWithoutAUsableIdGetsOne) {
  EXPECT_EQ(taken_of({}).request_id.size(), kUuid);
  EXPECT_EQ(taken_of({{"x-request-id", ""}}).request_id.size(), kUuid);
  EXPECT_EQ(taken_of({{"x-request-id", "a b"}}).request_id.size(), kUuid);
  const std::string longest(128, 'x');
  EXPECT_EQ(taken_of({{"x-request-id", longest}}).request_id, longest);
  EXPECT_EQ(taken_of({{"x-request-id", longest + "x"}}).request_id.size(), kUuid);
}

TEST(RequestFields, OfRepeatedOnesThatDifferNoneIsTaken) {
  const auto differ = taken_of({{"x-request-id", "first"},
                                {"traceparent", kTrace},
                                {"X-Request-ID", "last"},
                                {"traceparent", kOtherTrace}});
  EXPECT_EQ(differ.request_id.size(), kUuid) << differ.request_id;
  EXPECT_EQ(differ.traceparent, "");
  const auto back = taken_of({{"x-request-id", "a"}, {"x-request-id", "b"}, {"x-request-id", "a"}});
  EXPECT_EQ(back.request_id.size(), kUuid) << back.request_id;
  const auto one_unusable = taken_of({{"x-request-id", "good"}, {"x-request-id", "not good"}});
  EXPECT_EQ(one_unusable.request_id.size(), kUuid) << one_unusable.request_id;
}

TEST(RequestFields, RepeatedOnesThatAgreeAreTaken) {
  const auto agree = taken_of({{"x-request-id", "same"},
                               {"traceparent", kTrace},
                               {"x-request-id", "same"},
                               {"traceparent", kTrace}});
  EXPECT_EQ(agree.request_id, "same");
  EXPECT_EQ(agree.traceparent, kTrace);
}

}  // namespace
}  // namespace headgate::edge
