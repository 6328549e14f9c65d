#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "sim/incoming.h"
#include "sim/saying.h"

namespace headgate::sim {

/// One request to /v1/responses, found sound.
struct ResponsesRequest {
  Demand demand;
  std::string model;
  bool stream = false;
  bool store = true;
  bool background = false;
  std::string previous;  ///< id of the response it goes on from; may be empty
  std::string echo;      ///< members of the request that come back, as JSON members
};

std::variant<ResponsesRequest, Failure> read_responses(std::string_view body);

/// The responses that were stored, at most kMaxStored: the oldest is forgotten.
class ResponseStore {
 public:
  static constexpr std::size_t kMaxStored = 1000;

  Reply create(const Behaviour& behaviour, const ResponsesRequest& request, SteadyTime now);
  /// Answers GET, DELETE and POST …/cancel; `rest` is the path after `/responses/`.
  Reply look_up(std::string_view method, std::string_view rest, SteadyTime now);
  bool contains(std::string_view id) const { return stored_.contains(id); }
  void forget();

 private:
  struct Stored {
    ResponsesRequest request;
    Behaviour behaviour;
    Saying saying;
    SteadyTime begins;  ///< out of the queue
    SteadyTime ends;
    bool cancelled = false;
  };

  static std::string_view status_of(const Stored& stored, SteadyTime now);
  static std::string body_of(const Stored& stored, SteadyTime now);
  std::string new_id(const std::string& wanted, bool unique) const;
  void keep(const std::string& id, Stored stored);

  std::map<std::string, Stored, std::less<>> stored_;
  std::deque<std::string> order_;  // oldest first
};

}  // namespace headgate::sim
