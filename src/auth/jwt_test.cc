#include "auth/jwt.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/hash.h"

namespace headgate::auth {
namespace {

constexpr std::int64_t kNow = 1'768'496'400;
const config::Secret kSecret("a secret that has more than thirty-two bytes");
const config::Secret kOldSecret("the secret of last year, also long enough");
const JwtSigner kSigner(kSecret, {kOldSecret}, "headgate");

AccessClaims some_claims() {
  return {.subject = "ann",
          .scope = "jobs:read",
          .jti = "id-1",
          .epoch = 7,
          .issued_at = kNow,
          .expires_at = kNow + 900};
}

/// A token of any header and payload, signed rightly.
std::string forge(const std::string& header, const std::string& payload,
                  const config::Secret& secret = kSecret) {
  const std::string text = base64url(header) + "." + base64url(payload);
  return text + "." + base64url(as_view(hmac_sha256(secret.reveal(), text)));
}

std::string part(const std::string& token, int number) {
  std::size_t begin = 0;
  for (int i = 0; i < number; ++i) {
    begin = token.find('.', begin) + 1;
  }
  return token.substr(begin, token.find('.', begin) - begin);
}

/// The header that our own tokens have.
std::string good_header() { return decode_base64url(part(kSigner.sign(some_claims()), 0)).value(); }

std::string kid() {
  const std::string header = good_header();
  const std::size_t begin = header.find(R"("kid":")") + 7;
  return header.substr(begin, header.find('"', begin) - begin);
}

std::string payload(const std::string& change = "") {
  return R"({"iss":"headgate","aud":"headgate","sub":"ann","scope":"","jti":"id-1","epoch":7,)"
         R"("iat":1768496400,"exp":1768497300)" +
         change + "}";
}

bool accepted(const std::string& token, std::int64_t now = kNow) {
  const auto claims = kSigner.verify(token, now);
  if (!claims) {
    EXPECT_EQ(claims.error().kind, ErrorKind::Unauthenticated);
    EXPECT_EQ(claims.error().message, "The access token is not valid.") << "one text for all";
  }
  return claims.has_value();
}

TEST(Jwt, GivesBackWhatItSigned) {
  const auto claims = kSigner.verify(kSigner.sign(some_claims()), kNow);
  ASSERT_TRUE(claims) << claims.error().detail;
  EXPECT_EQ(claims->subject, "ann");
  EXPECT_EQ(claims->scope, "jobs:read");
  EXPECT_EQ(claims->jti, "id-1");
  EXPECT_EQ(claims->epoch, 7);
  EXPECT_EQ(claims->expires_at, kNow + 900);
  EXPECT_TRUE(looks_like_jwt(kSigner.sign(some_claims())));
  EXPECT_FALSE(looks_like_jwt("hg_aaaaaaaaaaaa_b"));
}

TEST(Jwt, AcceptsTheOldSecretAndNoOther) {
  const JwtSigner last_year(kOldSecret, {}, "headgate");
  EXPECT_TRUE(accepted(last_year.sign(some_claims())));
  const JwtSigner stranger(config::Secret("somebody else's secret, long enough too"), {},
                           "headgate");
  EXPECT_FALSE(accepted(stranger.sign(some_claims())));
}

TEST(Jwt, KeepsTheTimes) {
  const std::string token = kSigner.sign(some_claims());
  EXPECT_TRUE(accepted(token, kNow + 900 + 59));
  EXPECT_FALSE(accepted(token, kNow + 900 + 60));
  EXPECT_TRUE(accepted(token, kNow - 60));
  EXPECT_FALSE(accepted(token, kNow - 61));
  const std::string header = good_header();
  EXPECT_TRUE(accepted(forge(header, payload())));
  EXPECT_TRUE(accepted(forge(header, payload(R"(,"nbf":1768496460)"))));
  EXPECT_FALSE(accepted(forge(header, payload(R"(,"nbf":1768496461)"))));
  EXPECT_FALSE(accepted(forge(header, payload(R"(,"nbf":"soon")"))));
}

TEST(Jwt, SurvivesNumbersAtTheEdge) {
  const std::string header = good_header();
  const auto with_exp = [](const std::string& exp) {
    return R"({"iss":"headgate","aud":"headgate","sub":"ann","jti":"1","iat":0,"exp":)" + exp + "}";
  };
  EXPECT_TRUE(accepted(forge(header, with_exp("9223372036854775807"))));
  EXPECT_FALSE(accepted(forge(header, with_exp("-9223372036854775808"))));
  for (const std::string exp : {"1e400", "1e999999999", "18446744073709551615", "null", "true",
                                "\"1999999999\"", "NaN", "Infinity"}) {
    EXPECT_FALSE(accepted(forge(header, with_exp(exp)))) << exp;
  }
}

TEST(Jwt, RefusesEveryOtherAlgorithm) {
  for (const std::string alg :
       {"none", "None", "NONE", "nOnE", "hs256", "HS384", "HS512", "RS256", "ES256", "EdDSA", ""}) {
    const std::string header =
        R"({"alg":")" + alg + R"(","typ":"at+jwt","kid":")" + kid() + R"("})";
    EXPECT_FALSE(accepted(forge(header, payload()))) << alg;
    const std::string unsigned_token = base64url(header) + "." + base64url(payload()) + ".";
    EXPECT_FALSE(accepted(unsigned_token)) << alg;
  }
}

TEST(Jwt, RefusesHeadersThatAreNotOurs) {
  const std::string id = kid();
  for (const std::string& header : std::vector<std::string>{
           R"({"alg":"HS256","typ":"JWT","kid":")" + id + R"("})",
           R"({"alg":"HS256","kid":")" + id + R"("})",
           R"({"alg":"HS256","typ":"at+jwt"})",
           R"({"alg":"HS256","typ":"at+jwt","kid":"../../../dev/null"})",
           R"({"alg":"HS256","typ":"at+jwt","kid":"' OR 1=1 --"})",
           R"({"alg":"HS256","typ":"at+jwt","kid":["x"]})",
           R"({"alg":"HS256","typ":"at+jwt","crit":["exp"],"kid":")" + id + R"("})",
           R"({"alg":"HS256","typ":"at+jwt","b64":false,"kid":")" + id + R"("})",
           R"({"alg":"none","alg":"HS256","typ":"at+jwt","kid":")" + id + R"("})",
           R"({"alg":"HS256","typ":"at+jwt","kid":")" + id + R"("} )" + "x",
           std::string("[]"),
           std::string("null"),
           std::string(),
       }) {
    EXPECT_FALSE(accepted(forge(header, payload()))) << header;
  }
  EXPECT_TRUE(accepted(forge(R"({"alg":"HS256","typ":"at+jwt","jku":"https://evil.example/",)"
                             R"("jwk":{"kty":"oct","k":"AA"},"kid":")" +
                                 id + R"("})",
                             payload())))
      << "keys named by the token are ignored";
}

TEST(Jwt, RefusesWrongOrMissingClaims) {
  const std::string header = good_header();
  for (
      const std::string claims : {
          R"({"aud":"headgate","sub":"ann","jti":"1","iat":1768496400,"exp":1768497300})",
          R"({"iss":"other","aud":"headgate","sub":"ann","jti":"1","iat":1768496400,"exp":1768497300})",
          R"({"iss":"headgate","sub":"ann","jti":"1","iat":1768496400,"exp":1768497300})",
          R"({"iss":"headgate","aud":"other","sub":"ann","jti":"1","iat":1768496400,"exp":1768497300})",
          R"({"iss":"headgate","aud":["other"],"sub":"ann","jti":"1","iat":1768496400,"exp":1768497300})",
          R"({"iss":"headgate","aud":"headgate","jti":"1","iat":1768496400,"exp":1768497300})",
          R"({"iss":"headgate","aud":"headgate","sub":"ann","iat":1768496400,"exp":1768497300})",
          R"({"iss":"headgate","aud":"headgate","sub":"ann","jti":"1","exp":1768497300})",
          R"({"iss":"headgate","aud":"headgate","sub":"ann","jti":"1","iat":1768496400})",
      }) {
    EXPECT_FALSE(accepted(forge(header, claims))) << claims;
  }
  EXPECT_FALSE(accepted(forge(header, payload(R"(,"sub":"root")")))) << "a name twice";
  EXPECT_FALSE(accepted(forge(header, payload(R"(,"s\u0075b":"root")")))) << "a name twice";
  EXPECT_FALSE(accepted(forge(header, payload(",\"x\":\"\xFF\"")))) << "not UTF-8";
  EXPECT_TRUE(accepted(forge(
      header,
      R"({"iss":"headgate","aud":["x","headgate"],"sub":"ann","jti":"1","iat":1768496400,"exp":1768497300})")));
}

TEST(Jwt, RefusesEveryChangedCharacter) {
  const std::string token = kSigner.sign(some_claims());
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(kSigner.verify(changed, kNow)) << i;
    changed = token;
    changed.erase(i, 1);
    EXPECT_FALSE(kSigner.verify(changed, kNow)) << i;
  }
  for (const std::string tail : {"=", ".", "A", " ", "\n"}) {
    EXPECT_FALSE(kSigner.verify(token + tail, kNow));
    EXPECT_FALSE(kSigner.verify(tail + token, kNow));
  }
}

TEST(Jwt, RefusesASecondSpellingOfTheSameSignature) {
  // 32 bytes leave two bits of the last character unused; they must be zero.
  const std::string token = kSigner.sign(some_claims());
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const std::size_t last = kAlphabet.find(token.back());
  ASSERT_EQ(last % 4, 0U);
  for (std::size_t extra = 1; extra < 4; ++extra) {
    std::string other = token;
    other.back() = kAlphabet[last + extra];
    EXPECT_FALSE(kSigner.verify(other, kNow));
  }
}

TEST(Jwt, RefusesWhatIsTooLongOrHasOtherParts) {
  const std::string token = kSigner.sign(some_claims());
  AccessClaims big = some_claims();
  big.scope = std::string(8192, 'x');
  EXPECT_FALSE(accepted(kSigner.sign(big)));
  EXPECT_FALSE(accepted(""));
  EXPECT_FALSE(accepted(".."));
  EXPECT_FALSE(accepted("a.b"));
  EXPECT_FALSE(accepted(token + ".a.b"));
  const std::string deep(4000, '[');
  EXPECT_FALSE(accepted(forge(deep, payload())));
  EXPECT_FALSE(accepted(forge(good_header(), R"({"a":)" + deep)));
}

}  // namespace
}  // namespace headgate::auth
