#include "api/auth_endpoints.h"

#include <utility>
#include <vector>

#include "api/errors.h"
#include "api/form.h"
#include "api/json_body.h"
#include "base/http_text.h"

namespace headgate::api {
namespace {

edge::Response token_response(const auth::TokenPair& pair) {
  edge::Response response;
  response.fields = "Cache-Control: no-store\r\nPragma: no-cache\r\n";
  response.body = R"({"access_token":)" + json_quote(pair.access_token) + R"(,"refresh_token":)" +
                  json_quote(pair.refresh_token) + R"(,"token_type":"bearer","expires_in":)" +
                  std::to_string(pair.expires_in.count()) + R"(,"scope":)" +
                  json_quote(pair.scope) + "}";
  return response;
}

/// 422 in the way of FastAPI: `detail` lists each missing field.
edge::Response missing(const std::vector<std::string>& fields, model::RequestContext& context) {
  Error error = invalid_request("Field required: " + fields.front(), fields.front());
  error.kind = ErrorKind::Unprocessable;
  error.code = "missing_required_parameter";
  std::string detail = "[";
  for (const std::string& field : fields) {
    detail.append(detail.size() > 1 ? "," : "")
        .append(R"({"type":"missing","loc":["body",)")
        .append(json_quote(field))
        .append(R"(],"msg":"Field required","input":null})");
  }
  return classic_error(error, detail + "]", context);
}

}  // namespace

Task<Result<edge::Response>> TokenEndpoint::handle(Call call) const {
  auto form = parse_form(call.http);
  if (!form) {
    co_return fail(form.error());
  }
  const auto take = [&](const std::string& name) { return std::move((*form)[name]); };
  const std::string grant = form->contains("grant_type") ? take("grant_type") : "password";
  Result<auth::TokenPair> pair;
  if (grant == "refresh_token") {
    if (!form->contains("refresh_token")) {
      co_return missing({"refresh_token"}, call.context);
    }
    pair = co_await tokens_.refresh(take("refresh_token"));
  } else if (grant == "password" && password_grant_() == PasswordGrant::Offered) {
    std::vector<std::string> absent;
    for (const std::string field : {"username", "password"}) {
      if (!form->contains(field)) {
        absent.push_back(field);
      }
    }
    if (!absent.empty()) {
      co_return missing(absent, call.context);
    }
    pair = co_await tokens_.login(take("username"), take("password"), take("scope"),
                                  std::string(call.context.remote_address));
  } else {
    Error error = invalid_request("grant_type must be password or refresh_token.", "grant_type");
    error.code = "unsupported_grant_type";
    co_return fail(std::move(error));
  }
  if (!pair) {
    co_return fail(pair.error());
  }
  co_return token_response(*pair);
}

Task<Result<edge::Response>> RefreshEndpoint::handle(Call call) const {
  auto body = parse_json_body(call.http);
  if (!body) {
    co_return fail(body.error());
  }
  auto token = optional_text(*body, "refresh_token");
  if (!token) {
    co_return fail(token.error());
  }
  if (!*token) {
    co_return missing({"refresh_token"}, call.context);
  }
  auto pair = co_await tokens_.refresh(std::move(**token));
  if (!pair) {
    co_return fail(pair.error());
  }
  co_return token_response(*pair);
}

Task<Result<edge::Response>> RevokeEndpoint::handle(Call call) const {
  std::optional<std::string> token;
  const bool is_json =
      is_media_type(call.http.field("content-type").value_or(""), "application/json");
  if (is_json) {
    auto body = parse_json_body(call.http);
    if (!body) {
      co_return fail(body.error());
    }
    for (const std::string_view name : {"token", "refresh_token"}) {
      auto given = optional_text(*body, name);
      if (!given) {
        co_return fail(given.error());
      }
      token = *given ? *given : token;
    }
  } else if (!call.http.body.empty()) {
    auto form = parse_form(call.http);
    if (!form) {
      co_return fail(form.error());
    }
    const auto found = form->find("token");
    token = found == form->end() ? token : std::optional(found->second);
  } else if (const auto authorization = call.http.field("authorization")) {
    const std::size_t space = authorization->find(' ');
    const std::string_view bearer =
        space == std::string_view::npos ? "" : authorization->substr(space + 1);
    if (auth::looks_like_jwt(bearer)) {  // an API key is not ended here, and must not seem to be
      token = std::string(bearer);
    }
  }
  if (!token) {
    co_return missing({"token"}, call.context);
  }
  auto done = co_await tokens_.revoke(std::move(*token));
  if (!done) {
    co_return fail(done.error());
  }
  edge::Response response;
  response.body = R"({"revoked":true})";
  co_return response;
}

}  // namespace headgate::api
