#include "auth/jwt.h"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>

#include "base/encoding.h"
#include "base/hash.h"

namespace headgate::auth {
namespace {

namespace json = boost::json;

constexpr std::string_view kAudience = "headgate";
constexpr std::string_view kType = "at+jwt";
constexpr std::size_t kMaxToken = 8 << 10;
constexpr std::int64_t kLeeway = 60;

Failure refused(std::string why) {
  Error error = unauthenticated("The access token is not valid.");
  error.code = "invalid_token";
  error.detail = "jwt: " + std::move(why);
  return fail(std::move(error));
}

/// An object without repeated names at its top, or nullopt.
std::optional<json::object> parse_object(std::string_view part) {
  const auto bytes = decode_base64url(part);
  if (!bytes || !is_utf8(*bytes)) {
    return std::nullopt;
  }
  json::parse_options options;
  options.max_depth = 4;
  boost::system::error_code ec;
  json::value value = json::parse(*bytes, ec, {}, options);
  if (ec || !value.is_object()) {
    return std::nullopt;
  }
  // Boost.JSON keeps the last of repeated names; written back, a repeated name is missing bytes.
  std::size_t names = 0;
  bool in_string = false;
  int depth = 0;
  for (std::size_t i = 0; i < bytes->size(); ++i) {
    const char c = (*bytes)[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == ':' && depth == 1) {
      ++names;
    }
  }
  if (names != value.get_object().size()) {
    return std::nullopt;
  }
  return std::move(value.get_object());
}

std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view();
}

std::optional<std::int64_t> number_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? std::optional(value->get_int64()) : std::nullopt;
}

bool names_us(const json::object& claims) {
  const json::value* audience = claims.if_contains("aud");
  if (audience == nullptr) {
    return false;
  }
  if (audience->is_string()) {
    return audience->get_string() == kAudience;
  }
  return audience->is_array() &&
         std::ranges::any_of(audience->get_array(), [](const json::value& v) {
           return v.is_string() && v.get_string() == kAudience;
         });
}

/// The three parts of a compact JWS.
std::optional<std::array<std::string_view, 3>> split(std::string_view token) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  return std::array{token.substr(0, first), token.substr(first + 1, second - first - 1),
                    token.substr(second + 1)};
}

}  // namespace

JwtSigner::JwtSigner(const config::Secret& secret, const std::vector<config::Secret>& old_secrets,
                     std::string issuer)
    : issuer_(std::move(issuer)) {
  const auto add = [this](const config::Secret& key) {
    const Sha256 digest = sha256("headgate kid " + key.reveal());
    keys_.push_back({base64url(as_view(digest).substr(0, 9)), key.reveal()});
  };
  add(secret);
  std::ranges::for_each(old_secrets, add);
}

std::string JwtSigner::sign(const AccessClaims& claims) const {
  const json::object header = {{"alg", "HS256"}, {"typ", kType}, {"kid", keys_.front().id}};
  const json::object payload = {{"iss", issuer_},          {"aud", kAudience},
                                {"sub", claims.subject},   {"scope", claims.scope},
                                {"jti", claims.jti},       {"epoch", claims.epoch},
                                {"iat", claims.issued_at}, {"exp", claims.expires_at}};
  std::string token =
      base64url(json::serialize(header)) + "." + base64url(json::serialize(payload));
  const Sha256 signature = hmac_sha256(keys_.front().secret, token);
  return token + "." + base64url(as_view(signature));
}

Result<AccessClaims> JwtSigner::verify(std::string_view token, std::int64_t now) const {
  if (token.size() > kMaxToken) {
    return refused("longer than 8 KiB");
  }
  const auto parts = split(token);
  if (!parts) {
    return refused("not three parts");
  }
  const auto header = parse_object((*parts)[0]);
  if (!header) {
    return refused("header is not a JSON object");
  }
  if (text_of(*header, "alg") != "HS256" || text_of(*header, "typ") != kType ||
      header->contains("crit") || header->contains("b64")) {
    return refused("alg, typ or crit");
  }
  const auto key = std::ranges::find(keys_, text_of(*header, "kid"), &Key::id);
  if (key == keys_.end()) {
    return refused("unknown kid");
  }
  const auto signature = decode_base64url((*parts)[2]);
  const std::string_view signed_text = token.substr(0, (*parts)[0].size() + 1 + (*parts)[1].size());
  const Sha256 expected = hmac_sha256(key->secret, signed_text);
  if (!signature || !equal_in_constant_time(*signature, as_view(expected))) {
    return refused("signature");
  }
  const auto payload = parse_object((*parts)[1]);
  if (!payload) {
    return refused("payload is not a JSON object");
  }
  const auto expires = number_of(*payload, "exp");
  const auto issued = number_of(*payload, "iat");
  if (text_of(*payload, "iss") != issuer_ || !names_us(*payload)) {
    return refused("iss or aud");
  }
  if (!expires || *expires <= now - kLeeway) {
    return refused("expired");
  }
  const auto not_before = payload->contains("nbf") ? number_of(*payload, "nbf") : issued;
  if (!issued || !not_before || *issued > now + kLeeway || *not_before > now + kLeeway) {
    return refused("not valid yet");
  }
  AccessClaims claims{.subject = std::string(text_of(*payload, "sub")),
                      .scope = std::string(text_of(*payload, "scope")),
                      .jti = std::string(text_of(*payload, "jti")),
                      .epoch = number_of(*payload, "epoch").value_or(-1),
                      .issued_at = *issued,
                      .expires_at = *expires};
  if (claims.subject.empty() || claims.jti.empty()) {
    return refused("sub or jti");
  }
  return claims;
}

bool looks_like_jwt(std::string_view text) {
  return text.starts_with("eyJ") && std::ranges::count(text, '.') == 2;
}

}  // namespace headgate::auth
