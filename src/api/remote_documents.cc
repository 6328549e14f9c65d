#include "api/remote_documents.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>

#include <boost/json.hpp>

#include "base/encoding.h"
#include "providers/raw_json.h"

namespace headgate::api {
namespace {

namespace json = boost::json;
using model::Kind;

constexpr double kUnknownConfidence = 0.5;

Failure by_url_only() {
  return fail(invalid_request(
      "This model reads documents that 'image_urls' names with https: or http: URLs only.",
      "image_urls"));
}

Error not_read(std::string detail) {
  return upstream_failed("The document worker's answer is not what was asked for.",
                         std::move(detail));
}

const json::value* member(const json::object& object, std::string_view name) {
  return object.if_contains(name);
}

std::optional<std::string> text_in(const json::object& object, std::string_view name) {
  const json::value* value = member(object, name);
  return value != nullptr && value->is_string() ? std::optional(std::string(value->get_string()))
                                                : std::nullopt;
}

/// A number from 0 to 1, or what stands for it as `overall` in an object.
double confidence_in(const json::object& object) {
  const json::value* value = member(object, "confidence");
  if (value != nullptr && value->is_object()) {
    value = member(value->get_object(), "overall");
  }
  boost::system::error_code ec;
  double confidence = kUnknownConfidence;
  if (value != nullptr && value->is_number()) {
    confidence = value->to_number<double>(ec);
  }
  return std::clamp(confidence, 0.0, 1.0);
}

std::string number(double confidence) {
  std::array<char, 16> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.3f", confidence);
  return {text.data(), static_cast<std::size_t>(length)};
}

std::uint64_t pages_in(const json::object& object, const DocumentRequest& request) {
  const json::value* value = member(object, "page_count");
  return value != nullptr && value->is_int64() && value->get_int64() >= 0
             ? static_cast<std::uint64_t>(value->get_int64())
             : request.urls.size();
}

/// All text that the worker read, page by page.
std::optional<std::string> raw_text_in(const json::object& object) {
  const json::value* raw = member(object, "raw_ocr");
  return raw != nullptr && raw->is_object() ? text_in(raw->get_object(), "combined_text")
                                            : std::nullopt;
}

Result<DocumentFindings> classification(const json::object& output) {
  const auto type = text_in(output, "type");
  if (!type || type->empty()) {
    return fail(not_read("no type in the output"));
  }
  const double confidence = confidence_in(output);
  return DocumentFindings{.members = R"("type":)" + json_quote(*type) + R"(,"confidence":)" +
                                     number(confidence) + R"(,"reasoning":)" +
                                     json_quote(text_in(output, "reasoning").value_or("")),
                          .confidence = confidence};
}

Result<DocumentFindings> extraction(const json::object& output, const DocumentRequest& request,
                                    std::string_view output_json) {
  const json::value* data = member(output, "data");
  if (data == nullptr || !data->is_object()) {
    return fail(not_read("no data in the output"));
  }
  const double confidence = confidence_in(output);
  std::string members = R"("data":)" + providers::raw_member(output_json, "data").value_or("{}") +
                        R"(,"confidence":)" + number(confidence) + R"(,"doc_type":)" +
                        json_quote(text_in(output, "doc_type").value_or(request.doc_type)) +
                        R"(,"page_count":)" + std::to_string(pages_in(output, request));
  if (request.include_raw) {
    members.append(R"(,"raw_ocr":)").append(json_quote(raw_text_in(output).value_or("")));
  }
  return DocumentFindings{.members = std::move(members), .confidence = confidence};
}

Result<DocumentFindings> text(const json::object& output, const DocumentRequest& request) {
  const auto read = raw_text_in(output);
  if (!read) {
    return fail(not_read("no raw_ocr.combined_text in the output"));
  }
  return DocumentFindings{.members = R"("output":"text","page_count":)" +
                                     std::to_string(pages_in(output, request)) + R"(,"text":)" +
                                     json_quote(*read)};
}

}  // namespace

bool is_web_url(std::string_view url) {
  return ascii_starts_with_ignore_case(url, "https://") ||
         ascii_starts_with_ignore_case(url, "http://");
}

Result<std::string> encode_remote_documents(Kind kind, const DocumentRequest& request) {
  if (!request.files.empty() || !std::ranges::all_of(request.urls, is_web_url)) {
    return by_url_only();
  }
  if (kind == Kind::Extract && request.doc_type.empty()) {
    return fail(invalid_request("This model needs to be told the 'doc_type'.", "doc_type"));
  }
  if (kind == Kind::Ocr && !request.output.empty() && request.output != "text") {
    return fail(invalid_request("This model gives the output 'text' only.", "output"));
  }
  std::string input = R"({"image_urls":[)";
  for (const std::string& url : request.urls) {
    input.append(input.back() == '[' ? "" : ",").append(json_quote(url));
  }
  input.push_back(']');
  if (!request.doc_type.empty() && kind != Kind::Classify) {
    input.append(R"(,"doc_type":)").append(json_quote(request.doc_type));
  }
  if (!request.prompt.empty()) {
    input.append(R"(,"prompt":)").append(json_quote(request.prompt));
  }
  if (!request.prompt_mode.empty()) {
    input.append(R"(,"prompt_mode":)").append(json_quote(request.prompt_mode));
  }
  return input.append("}");
}

Result<DocumentFindings> decode_remote_documents(Kind kind, const DocumentRequest& request,
                                                 std::string_view output_json) {
  boost::system::error_code ec;
  json::parse_options deep;
  constexpr std::size_t kMaxDepth = 256;
  deep.max_depth = kMaxDepth;
  const json::value value = json::parse(output_json, ec, {}, deep);
  if (ec || !value.is_object()) {
    return fail(not_read("the output is no object"));
  }
  const json::object& output = value.get_object();
  if (output.contains("error")) {
    return fail(not_read("the worker reports: " + text_in(output, "error").value_or("an error")));
  }
  switch (kind) {
    case Kind::Classify:
      return classification(output);
    case Kind::Extract:
      return extraction(output, request, output_json);
    default:
      return text(output, request);
  }
}

}  // namespace headgate::api
