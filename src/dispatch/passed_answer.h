#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task.h"
#include "dispatch/attempts.h"
#include "edge/handler.h"

// Whole answers that reach the client as the target wrote them.
namespace headgate::dispatch {

/// What of such an answer is held back until it is known to be whole.
struct Held {
  std::string bytes;
  bool whole = false;
};

/// What of an answer is here in one piece, without waiting; whole, or nothing to count on.
Result<Held> held_at_hand(Attempt& attempt);
/// Holds back as much as is wise of the current call's answer, of which `held` is here.
Task<Result<void>> hold(Attempts& attempts, Held& held);
/// All of an answer, at most 64 MiB.
Task<Result<std::string>> read_all(Attempt& attempt);

/// An answer of which `begin` was held back and the rest is still to come.
std::unique_ptr<edge::BodyStream> long_body(std::unique_ptr<Attempts> attempts, std::string begin);

/// The current call's answer is all here: notes what it is billed with. `said` as said_in(), asked
/// for only if `body` tells no usage.
void settle_whole(Attempts& attempts, std::string_view body,
                  const std::function<std::uint64_t()>& said);

}  // namespace headgate::dispatch
