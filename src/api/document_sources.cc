#include "api/document_sources.h"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "api/data_url.h"
#include "api/errors.h"
#include "api/json_body.h"
#include "api/multipart.h"

namespace headgate::api {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxSources = 32;

Failure bad_urls(std::string message) {
  return fail(invalid_request(std::move(message), "image_urls"));
}

/// Takes "url" or {"url": "..."}.
Result<void> take_url(const json::value& value, DocumentRequest& out) {
  const json::value* url = &value;
  if (value.is_object()) {
    url = value.get_object().if_contains("url");
  }
  if (url == nullptr || !url->is_string() || url->get_string().empty()) {
    return bad_urls("'image_urls' must be an array of https: or data: URLs.");
  }
  out.urls.emplace_back(url->get_string());
  return {};
}

/// Mistral's OCR request: {"document":{"type":"document_url"|"image_url", ...}}.
Result<void> take_document(const json::value& value, DocumentRequest& out) {
  if (!value.is_object()) {
    return fail(invalid_request("'document' must be an object.", "document"));
  }
  for (const std::string_view name : {"document_url", "image_url"}) {
    if (const json::value* url = value.get_object().if_contains(name)) {
      return take_url(*url, out);
    }
  }
  return fail(invalid_request("'document' needs a document_url or an image_url.", "document"));
}

Result<DocumentRequest> parse_json_request(const edge::Request& http) {
  auto body = parse_json_body(http);
  if (!body) {
    return fail(body.error());
  }
  if (body->contains("webhook_url")) {
    return fail(webhook_needs_job("webhook_url"));  // that of a job has been taken out
  }
  DocumentRequest request;
  if (const json::value* urls = body->if_contains("image_urls")) {
    if (!urls->is_array()) {
      return bad_urls("'image_urls' must be an array of https: or data: URLs.");
    }
    for (const json::value& url : urls->get_array()) {
      auto taken = take_url(url, request);
      if (!taken) {
        return fail(taken.error());
      }
    }
  } else if (const json::value* document = body->if_contains("document")) {
    auto taken = take_document(*document, request);
    if (!taken) {
      return fail(taken.error());
    }
  }
  for (auto& [name, field] :
       {std::pair{"model", &request.model}, std::pair{"doc_type", &request.doc_type},
        std::pair{"output", &request.output}, std::pair{"resolution", &request.resolution},
        std::pair{"prompt", &request.prompt}, std::pair{"prompt_mode", &request.prompt_mode},
        std::pair{"industry", &request.industry}}) {
    auto text = optional_text(*body, name);
    if (!text) {
      return fail(text.error());
    }
    *field = text->value_or("");
  }
  if (const json::value* raw = body->if_contains("include_raw")) {
    if (!raw->is_bool()) {
      return fail(invalid_request("'include_raw' must be true or false.", "include_raw"));
    }
    request.include_raw = raw->get_bool();
  }
  return request;
}

Result<DocumentRequest> parse_form_request(const edge::Request& http) {
  auto parts = parse_multipart(http.field("content-type").value_or(""), http.body);
  if (!parts) {
    return fail(parts.error());
  }
  DocumentRequest request;
  for (const FormPart& part : *parts) {
    const std::string_view text = part.data;
    if (part.name == "file" || part.name == "files" || part.name == "files[]") {
      request.files.push_back(part.data);
    } else if (part.name == "image_urls" || part.name == "image_urls[]") {
      request.urls.emplace_back(text);
    } else if (part.name == "model") {
      request.model = text;
    } else if (part.name == "doc_type") {
      request.doc_type = text;
    } else if (part.name == "output") {
      request.output = text;
    } else if (part.name == "resolution") {
      request.resolution = text;
    } else if (part.name == "prompt") {
      request.prompt = text;
    } else if (part.name == "prompt_mode") {
      request.prompt_mode = text;
    } else if (part.name == "industry") {
      request.industry = text;
    } else if (part.name == "include_raw") {
      request.include_raw = text == "true" || text == "1";
    }
  }
  return request;
}

}  // namespace

Result<DocumentRequest> parse_document_request(const edge::Request& http) {
  const bool form = is_multipart(http.field("content-type").value_or(""));
  auto request = form ? parse_form_request(http) : parse_json_request(http);
  if (!request) {
    return request;
  }
  const std::size_t count = request->urls.size() + request->files.size();
  if (count == 0) {
    return bad_urls(
        "At least one document is needed: 'image_urls' with one or more URLs, or a form "
        "with a 'file' part.");
  }
  if (count > kMaxSources) {
    return bad_urls("At most 32 documents can be sent in one request.");
  }
  return request;
}

Task<Result<std::vector<std::shared_ptr<const documents::Document>>>> DocumentSources::collect(
    const DocumentRequest& request, model::RequestContext& context) const {
  const std::shared_ptr<const config::Settings> settings = settings_();
  const std::uint64_t max_bytes = settings->documents.max_file_size;
  std::vector<std::shared_ptr<const documents::Document>> collected;

  for (const std::string_view file : request.files) {
    auto made = co_await pool_.run([=] { return documents::Document::create(file, max_bytes); });
    if (!made || !*made) {
      co_return fail(made ? made->error() : made.error());
    }
    collected.push_back(std::move(**made));
  }
  for (const std::string& url : request.urls) {
    const bool is_data = ascii_equal_ignore_case(std::string_view(url).substr(0, 5), "data:");
    std::string fetched;
    if (!is_data) {
      auto answer = co_await fetchers_.here().fetch(
          url, settings->fetch,
          {.max_bytes = max_bytes, .deadline = context.deadline, .cancel = &context.cancel});
      if (!answer) {
        Error error = answer.error();
        error.param = error.param.empty() ? "image_urls" : error.param;
        co_return fail(std::move(error));
      }
      fetched = std::move(answer->bytes);
    }
    using Made = Result<std::shared_ptr<const documents::Document>>;
    auto made = co_await pool_.run([&]() -> Made {
      if (!is_data) {
        return documents::Document::create(fetched, max_bytes);
      }
      auto bytes = decode_data_url(url, max_bytes);
      return bytes ? documents::Document::create(*bytes, max_bytes) : fail(bytes.error());
    });
    if (!made || !*made) {
      co_return fail(made ? made->error() : made.error());
    }
    collected.push_back(std::move(**made));
  }
  co_return collected;
}

}  // namespace headgate::api
