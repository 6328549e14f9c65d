#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/json_view.h"
#include "base/result.h"
#include "dispatch/response_cache.h"
#include "edge/handler.h"
#include "model/request_context.h"

namespace headgate::api {

/// What was said over /v1/responses lately, item by item, so that a later request of the same
/// principal may name an item (`item_reference`) instead of sending it again, as some clients do
/// with everything that was not answered with "store": false. In memory, the least recently used
/// dropped first, and for an hour at most: what is gone is not found, as if it had not been stored.
///
/// Safe from any thread.
class ResponseItems final {
 public:
  explicit ResponseItems(std::uint64_t max_memory);

  /// Keeps the items of `output`, an array.
  void keep(std::string_view principal, const JsonView& output);
  /// Keeps those of an answer in the dialect's words: at once, or when the end of its stream has
  /// passed. This and `context` outlive the answer's stream.
  void keep_from(edge::Response& response, const model::RequestContext& context);

  /// `body` with the items in the place of their names; empty if it names none. `input` is the
  /// value in it. NotFound for an item that is not there.
  Result<std::string> resolve(std::string_view body, std::string_view input,
                              std::string_view principal);

  void set_max_memory(std::uint64_t max_memory);

 private:
  dispatch::ResponseCache items_;
};

}  // namespace headgate::api
