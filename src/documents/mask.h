#pragma once

#include <span>
#include <string>
#include <string_view>

namespace headgate::documents {

/// A social security or taxpayer number with its last four digits only: "***-**-1234", or
/// "**-***1234" if it is written like an employer's. Already masked texts keep what they show.
std::string mask_tin(std::string_view text);

/// An account or card number with its last four digits only: "****1234".
std::string mask_account(std::string_view text);

/// `text` with every number that identifies a person or an account masked to its last four: SSN and
/// TIN shapes, IBANs, card numbers, digits that follow a word like "account", and each of `secrets`
/// (digit strings known to be account numbers), however they are spaced.
std::string scrub(std::string_view text, std::span<const std::string> secrets = {});

}  // namespace headgate::documents
