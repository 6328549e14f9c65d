#pragma once

#include <optional>
#include <string>
#include <string_view>

// What one text must look like, for the rows of the option table: each says what is wrong, or
// nothing.
namespace headgate::config {

std::optional<std::string> check_listen(std::string_view text);
std::optional<std::string> check_optional_listen(std::string_view text);
std::optional<std::string> check_cidr(std::string_view text);
/// http:// or https:// with a host, without user, query or fragment; empty allowed.
std::optional<std::string> check_base_url(std::string_view text);
std::optional<std::string> check_store_url(std::string_view text);
std::optional<std::string> check_shared_url(std::string_view text);
/// A CORS origin: `*`, or scheme://host[:port] and nothing after it.
std::optional<std::string> check_origin(std::string_view text);
/// A host name or address without scheme, port or path.
std::optional<std::string> check_host(std::string_view text);
std::optional<std::string> check_not_empty(std::string_view text);
std::optional<std::string> check_url_path(std::string_view text);
/// Tesseract's name of a language, such as eng or chi_sim.
std::optional<std::string> check_language(std::string_view text);
/// A name of a provider, model, tier or key: 1 to 128 visible ASCII characters without quotes.
std::optional<std::string> check_name(std::string_view text);
/// `off`, `p95` or a duration of a millisecond or more.
std::optional<std::string> check_hedge(std::string_view text);
/// A part of the day, as parse_hours reads it; empty allowed.
std::optional<std::string> check_hours(std::string_view text);

/// `url` with the password of its authority part as ***.
std::string mask_url(std::string_view url);

}  // namespace headgate::config
