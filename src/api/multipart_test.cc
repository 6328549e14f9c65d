#include "api/multipart.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::api {
namespace {

/// The name of the only part, whose Content-Disposition has these parameters; or the error's code.
std::string name_of_part(const std::string& parameters) {
  const std::string body =
      "--b\r\nContent-Disposition: form-data; " + parameters + "\r\n\r\nx\r\n--b--\r\n";
  const auto parts = parse_multipart("multipart/form-data; boundary=b", body);
  return parts ? parts->front().name : parts.error().code;
}

TEST(Multipart, APartIsKnownByItsName) {
  EXPECT_EQ(name_of_part(R"(name="model")"), "model");
  EXPECT_EQ(name_of_part(R"(name="file"; filename="a;b\".wav"; filename*=utf-8''a.wav)"), "file");
}

TEST(Multipart, WhatOtherReadersMayTakeForAnotherNameIsRefused) {
  for (const char* parameters : {R"(name="x"; name="model")", R"(name="x"; NAME=model)",
                                 R"(name="x"; name*=utf-8''model)"}) {
    EXPECT_EQ(name_of_part(parameters), "invalid_multipart") << parameters;
  }
  EXPECT_EQ(name_of_part("name=\"x\"\r\nContent-Disposition: form-data; name=\"model\""),
            "invalid_multipart");
}

}  // namespace
}  // namespace headgate::api
