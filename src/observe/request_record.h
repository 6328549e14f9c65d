#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "model/request_context.h"
#include "observe/outcome.h"
#include "observe/time_text.h"

namespace headgate::observe {

/// What the request log keeps of one request between the event loop and the log's thread: a fixed
/// 1 KiB, texts packed one after the other and cut to their limits.
class RequestRecord final {
 public:
  /// In this order in the pack. Later ones are cut first when space runs out.
  enum Text : std::uint8_t {
    RequestId,
    Principal,
    ClientId,
    Path,
    Model,
    Provider,
    Target,
    ErrorCode,
    Remote,
    TraceId,
    ErrorDetail,
    FailedAttempts,
  };

  void assign(const model::RequestContext& context, const Outcome& outcome);

  std::string_view text(Text which) const;

  std::string_view route;   // static
  std::string_view kind;    // static
  std::string_view method;  // static
  SteadyTime ended{};
  std::int64_t duration = 0;  // nanoseconds, as all times here
  std::int64_t auth = 0;
  std::int64_t queue = 0;
  std::int64_t upstream = 0;
  std::int64_t overhead = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::int64_t input_tokens = -1;
  std::int64_t output_tokens = -1;
  std::uint32_t attempts = 0;
  std::uint16_t status = 0;
  bool streamed = false;
  bool usage_estimated = false;
  model::CacheOutcome cache = model::CacheOutcome::Off;

 private:
  static constexpr std::size_t kPackSize = 816;

  void put(Text which, std::string_view text, std::size_t limit);

  std::array<std::uint16_t, FailedAttempts + 1> ends_{};
  std::array<char, kPackSize> pack_;
};
static_assert(sizeof(RequestRecord) <= 1024);

/// Adds the JSON line of `record`; `unix_milliseconds` is when it ended.
void add_json_line(TextBuffer& out, const RequestRecord& record, std::int64_t unix_milliseconds,
                   TimeText& time);
/// Adds the short line for a terminal.
void add_text_line(TextBuffer& out, const RequestRecord& record, std::int64_t unix_milliseconds,
                   TimeText& time);

}  // namespace headgate::observe
