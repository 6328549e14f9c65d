#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/incoming.h"

namespace headgate::sim {

/// How the exchange ended, seen from the model server.
enum class Outcome : std::uint8_t {
  Answering,  ///< not over yet
  Answered,   ///< the last byte was handed to the system
  HungUp,     ///< the client left before that
  Broken,     ///< the fault that was asked for ended it: reset, cut, or a stall that ran out
};

/// What is remembered of one request.
struct RequestRecord {
  std::uint64_t number = 0;
  std::uint64_t connection = 0;
  std::chrono::system_clock::time_point received;
  SteadyTime started;
  std::chrono::microseconds took{0};
  std::string method;
  std::string target;
  std::string fields;       ///< header lines as they came
  std::string server_name;  ///< asked for by TLS SNI
  Protocol protocol = Protocol::OpenAi;
  std::string model;
  int status = 0;  ///< of the answer; 0: none yet
  bool stream = false;
  std::size_t body_bytes = 0;
  std::string body_start;   ///< the first kBodyStart bytes
  std::string body_sha256;  ///< in hex; empty unless bodies are hashed
  std::size_t sent_bytes = 0;
  Outcome outcome = Outcome::Answering;
};

/// Counters of the whole simulator.
struct Stats {
  std::uint64_t open_connections = 0;
  std::uint64_t accepted_connections = 0;
  std::uint64_t in_flight = 0;  ///< requests whose head arrived and whose answer is not over
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::uint64_t aborted = 0;  ///< given up by their client

  /// Appends them as a JSON object.
  void append_json(std::string& out) const;
};

inline constexpr std::size_t kBodyStart = 256;

/// The last requests that reached the simulator, in a ring of fixed size.
class RequestLog {
 public:
  explicit RequestLog(std::size_t capacity) : ring_(capacity == 0 ? 1 : capacity) {}

  /// The slot of a new request, with its number and empty fields; valid until as many more came.
  RequestRecord& begin();
  /// The record with this number, or null if it was overwritten or cleared.
  RequestRecord* find(std::uint64_t number);
  void clear();
  /// Appends the records, oldest first, as a JSON array.
  void append_json(std::string& out) const;

 private:
  std::vector<RequestRecord> ring_;
  std::uint64_t last_ = 0;
  std::uint64_t cleared_ = 0;  // numbers up to this one are forgotten
};

}  // namespace headgate::sim
