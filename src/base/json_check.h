#pragma once

#include <string_view>

namespace headgate {

/// Whether `text` is one whole JSON value in UTF-8 (RFC 8259), with nothing but blanks around it.
bool is_json(std::string_view text);

}  // namespace headgate
