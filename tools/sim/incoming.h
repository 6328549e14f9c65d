#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "sim/behaviour.h"
#include "sim/wire.h"

namespace headgate::sim {

using SteadyTime = std::chrono::steady_clock::time_point;

/// One whole request, as the protocols see it. Views live as long as the call.
struct Incoming {
  std::string_view method = {};
  std::string_view path = {};    ///< as it came, without the query
  std::string_view query = {};   ///< without the question mark
  std::string_view fields = {};  ///< header lines
  std::string_view body = {};
  SteadyTime now = {};

  /// The value of the first header line with this name; empty if there is none.
  std::string_view field(std::string_view name) const;
  /// The value of one member of the query, decoded; unset if it is absent.
  std::optional<std::string> parameter(std::string_view name) const;
};

/// A request whose answer waits for a job.
struct Held {
  std::string job;
  bool stream = false;  ///< waits for the job's next pieces, too
  SteadyTime until;     ///< answered then, whatever the job does
  Behaviour behaviour;
};

/// What the connection is to send.
struct Answer {
  Behaviour behaviour;  ///< whose faults strike the reply
  Reply reply;
  std::string model = {};
  bool stream = false;
  std::optional<Held> held = {};  ///< no answer yet: to be asked again with this
};

/// An answer that no fault strikes.
Answer plain_answer(Reply reply);
Answer refusal(Protocol protocol, const Failure& failure);

}  // namespace headgate::sim
