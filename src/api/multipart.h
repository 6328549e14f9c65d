#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace headgate::api {

/// One part of a multipart/form-data body; `data` points into the body.
struct FormPart {
  std::string name;
  std::string file_name;  ///< empty for a plain field
  std::string_view data;
};

/// Splits a multipart/form-data body (RFC 7578). InvalidRequest for a missing or bad boundary,
/// broken part headers, a body without its closing boundary, or more than 64 parts.
Result<std::vector<FormPart>> parse_multipart(std::string_view content_type, std::string_view body);

/// The same of a body that begins with this boundary.
Result<std::vector<FormPart>> split_multipart(const std::string& boundary, std::string_view body);

/// The boundary that a Content-Type of multipart/form-data names. InvalidRequest if it is missing
/// or longer than RFC 2046 allows.
Result<std::string> multipart_boundary(std::string_view content_type);

/// Whether a Content-Type announces multipart/form-data.
bool is_multipart(std::string_view content_type);

}  // namespace headgate::api
