#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/behaviour.h"
#include "sim/errors.h"

namespace headgate::sim {

/// What the connection does once the last byte of a script is written.
enum class Ending : std::uint8_t { KeepAlive, Close, Reset, Hang };

/// One response as it goes over the wire: bytes, and when how many of them leave.
struct Script {
  /// Everything up to byte `until` leaves in one write, `delay` after the step before it.
  struct Step {
    std::size_t until = 0;
    std::chrono::microseconds delay{0};
  };

  int status = 200;
  std::string head;
  std::size_t number_at =
      0;             ///< where in `head` the 16 digits of the request's number go; 0: nowhere
  std::string body;  ///< with its framing
  std::vector<Step> steps;  ///< never empty; positions count head and body together
  Ending ending = Ending::KeepAlive;
  bool broken = false;  ///< a fault ends it before its time
  bool drip = false;    ///< one byte a write
  std::chrono::microseconds byte_gap{0};

  std::size_t size() const { return head.size() + body.size(); }
};

inline constexpr std::size_t kNumberDigits = 16;

/// What of the HTTP request shapes the framing of its answer.
struct Manner {
  bool close = false;   ///< the client asked for the end of the connection
  bool http10 = false;  ///< no chunks
};

struct Event {
  std::string data;
  std::string name = {};               ///< of its `event:` line; empty: none
  std::chrono::microseconds delay{0};  ///< after the event before it
  bool ping = false;                   ///< not counted, and never struck
};

/// A healthy answer, before the faults of a behaviour strike it.
struct Reply {
  static constexpr std::size_t kNowhere = SIZE_MAX;

  Protocol protocol = Protocol::OpenAi;
  int status = 200;
  std::string content_type = "application/json";
  std::string fields = {};  ///< further header lines
  std::string body = {};

  std::vector<Event> events = {};    ///< the answer is a stream if there are any
  std::size_t end_mark = kNowhere;   ///< the event that only says that the stream is over
  std::size_t finish_at = kNowhere;  ///< the event that says why
  bool crlf = false;                 ///< lines of the stream end in CRLF
  bool json_array = false;           ///< the events are the elements of one array
  std::size_t tokens = 0;            ///< that take their time when the answer is no stream
};

/// The bytes of `reply` by a server that behaves like `behaviour`, faults included. `model` is
/// named in errors.
Script make_script(const Behaviour& behaviour, const Manner& manner, std::string_view model,
                   Reply reply);

/// `reply` with the faults that do not cut its bytes short.
Reply struck_reply(const Behaviour& behaviour, std::string_view model, Reply reply);

/// The body of a stream, without HTTP.
std::string stream_text(const Behaviour& behaviour, const Reply& reply);

/// The time between two tokens.
std::chrono::microseconds token_gap(const Behaviour& behaviour);

Reply json_reply(Protocol protocol, std::string body);
Reply error_reply(Protocol protocol, const Behaviour& behaviour, const Failure& failure);

}  // namespace headgate::sim
