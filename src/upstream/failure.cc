#include "upstream/failure.h"

#include <array>
#include <string_view>
#include <utility>

namespace headgate::upstream {
namespace {

struct Row {
  FailurePhase phase;
  std::string_view code;
  std::string_view message;
};

constexpr std::array kTable = {
    Row{FailurePhase::Dns, "upstream_dns", "The upstream's name could not be resolved."},
    Row{FailurePhase::Connect, "upstream_connect", "The upstream could not be reached."},
    Row{FailurePhase::ConnectTimeout, "upstream_connect_timeout",
        "The upstream did not accept a connection in time."},
    Row{FailurePhase::Tls, "upstream_tls", "No secure connection to the upstream."},
    Row{FailurePhase::Reset, "upstream_reset", "The upstream closed the connection."},
    Row{FailurePhase::Protocol, "upstream_protocol", "The upstream sent a malformed response."},
    Row{FailurePhase::Truncated, "upstream_truncated",
        "The upstream's response ended before it was complete."},
    Row{FailurePhase::FirstByteTimeout, "upstream_first_byte_timeout",
        "The upstream did not begin to answer in time."},
    Row{FailurePhase::IdleTimeout, "upstream_idle_timeout",
        "The upstream stopped in the middle of its answer."},
    Row{FailurePhase::TotalTimeout, "upstream_timeout",
        "The time for this request ran out while waiting for the upstream."},
};

constexpr bool rows_are_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].phase) != i) {
      return false;
    }
  }
  return true;
}
static_assert(rows_are_in_order(), "the table is indexed by FailurePhase");

bool is_timeout(FailurePhase phase) {
  return phase == FailurePhase::ConnectTimeout || phase == FailurePhase::FirstByteTimeout ||
         phase == FailurePhase::IdleTimeout || phase == FailurePhase::TotalTimeout;
}

}  // namespace

Error failure(FailurePhase phase, std::string detail) {
  const Row& row = kTable[static_cast<std::size_t>(phase)];
  Error error = is_timeout(phase) ? timed_out(std::string(row.message))
                                  : upstream_failed(std::string(row.message));
  error.code = row.code;
  error.detail = std::move(detail);
  return error;
}

std::optional<FailurePhase> failure_phase(const Error& error) {
  for (const Row& row : kTable) {
    if (error.code == row.code) {
      return row.phase;
    }
  }
  return std::nullopt;
}

}  // namespace headgate::upstream
