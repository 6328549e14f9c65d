#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "documents/understand_page.h"

namespace headgate::documents {

/// The one who sent a document: name, address and how to reach them.
struct Sender {
  std::string name;
  std::string address;
  float confidence = 0;
};

/// The sender of a letter-like page: named by a label ("From:", "Sold by"), or the heading of the
/// page, large and high up, with the lines below it as address.
std::optional<Sender> find_sender(const PageView& page);

/// The name at the head of a till receipt, with the address lines below it.
std::optional<Sender> find_merchant(const PageView& page);

/// A telephone number as written, or nullopt.
std::optional<std::string> find_phone(const PageView& page);
std::optional<std::string> find_email(const PageView& page);

/// "GmbH", "Inc.", "Sdn Bhd" and the like occur in the text.
bool has_company_suffix(std::string_view text);
/// Digits with a street word or a postal code.
bool looks_like_address(std::string_view text);

}  // namespace headgate::documents
