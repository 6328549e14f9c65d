#include "api/document_cache.h"

#include <algorithm>
#include <utility>

#include "api/data_url.h"
#include "base/encoding.h"

namespace headgate::api {
namespace {

bool is_data(std::string_view url) { return ascii_starts_with_ignore_case(url, "data:"); }

/// So that no two lists of parts look the same.
void add_part(std::string& text, std::string_view part) {
  text.append(std::to_string(part.size())).append(":").append(part);
}

/// The digests of all documents; nullopt if one cannot be read, which is told when it is tried.
std::optional<std::string> digests_of(const DocumentRequest& request, std::uint64_t max_file_size) {
  std::string digests;
  for (const std::string_view file : request.files) {
    digests.append(as_view(sha256(file)));
  }
  for (const std::string& url : request.urls) {
    const auto bytes = decode_data_url(url, max_file_size);
    if (!bytes) {
      return std::nullopt;
    }
    digests.append(as_view(sha256(*bytes)));
  }
  return digests;
}

}  // namespace

Task<std::optional<Sha256>> DocumentCache::key_of(const DocumentRequest& request,
                                                  const Question& question,
                                                  const model::RequestContext& context) const {
  if (question.ttl.count() == 0 || context.cache_wish.use == model::CacheWish::Use::None ||
      context.principal == nullptr || !std::ranges::all_of(request.urls, is_data)) {
    co_return std::nullopt;
  }
  const auto digests = co_await pool_.run(  // megabytes: not on the loop
      [&] { return digests_of(request, question.max_file_size); });
  if (!digests || !*digests) {
    co_return std::nullopt;
  }
  std::string text = "documents";
  const std::string_view raw = request.include_raw ? "raw" : "";
  for (const std::string_view part :
       {std::string_view(context.principal->id), question.kind, question.model, question.resolution,
        question.client, std::string_view(request.doc_type), std::string_view(request.output),
        std::string_view(request.prompt), std::string_view(request.prompt_mode),
        std::string_view(request.industry), raw, std::string_view(**digests)}) {
    add_part(text, part);
  }
  co_return sha256(text);
}

std::shared_ptr<const dispatch::KeptAnswer> DocumentCache::find(
    const Sha256& key, const model::RequestContext& context) const {
  const bool wanted =
      context.cache_wish.use == model::CacheWish::Use::Full && context.ledger == nullptr;
  return wanted ? cache_.find(key, std::chrono::steady_clock::now()) : nullptr;
}

void DocumentCache::keep(const Sha256& key, const std::string& members,
                         std::chrono::milliseconds ttl,
                         const model::RequestContext& context) const {
  const SteadyTime now = std::chrono::steady_clock::now();
  cache_.keep(key, {.body = members, .provider = context.provider, .kept_at = now}, now + ttl);
}

}  // namespace headgate::api
