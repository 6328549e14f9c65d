#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/document_sources.h"
#include "base/blocking_pool.h"
#include "base/hash.h"
#include "base/task.h"
#include "dispatch/response_cache.h"
#include "model/request_context.h"

namespace headgate::api {

/// What was found in documents, by their content and by what was asked of them. Borrows both;
/// serves all loops.
class DocumentCache final {
 public:
  /// What a request is about, beside what it says itself.
  struct Question {
    std::string_view kind;        ///< as model::name_of
    std::string_view model;       ///< public name
    std::string_view resolution;  ///< that holds
    std::string_view client;      ///< X-Client-ID, if the answer may depend on it
    std::uint64_t max_file_size;
    std::chrono::milliseconds ttl;  ///< 0: nothing is kept
  };

  DocumentCache(dispatch::ResponseCache& cache, BlockingPool& pool) : cache_(cache), pool_(pool) {}

  /// What stands for `request` of the context's principal. nullopt if nothing is kept of it: by
  /// `question.ttl`, because the client does not want that, or because it names documents by URLs,
  /// whose content is not known before they are fetched.
  Task<std::optional<Sha256>> key_of(const DocumentRequest& request, const Question& question,
                                     const model::RequestContext& context) const;
  /// What is kept, unless the client wants it fresh or this is a job.
  std::shared_ptr<const dispatch::KeptAnswer> find(const Sha256& key,
                                                   const model::RequestContext& context) const;
  /// `members`: those of the answer that are about the documents, as JSON.
  void keep(const Sha256& key, const std::string& members, std::chrono::milliseconds ttl,
            const model::RequestContext& context) const;

 private:
  dispatch::ResponseCache& cache_;
  BlockingPool& pool_;
};

}  // namespace headgate::api
