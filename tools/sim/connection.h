#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/body_scan.h"
#include "sim/options.h"
#include "sim/request.h"
#include "sim/request_log.h"
#include "sim/service.h"
#include "sim/transport.h"

struct evp_md_ctx_st;

namespace headgate::sim {

/// What the connections of one server have in common. Lives on the server's only thread.
struct Shared {
  explicit Shared(const Options& all) : options(all), service(all), log(all.log_size) {}

  const Options& options;
  Service service;
  RequestLog log;
  Stats stats;
  std::vector<char> scratch = std::vector<char>(std::size_t{256} << 10);  ///< for large bodies
  SteadyTime now;  ///< when the loop last woke up
};

/// One client: reads requests, one after the other, and plays the scripts of their answers.
///
/// Knows nothing of epoll: the server calls on_events() and on_timer() and afterwards looks at
/// finished(), interest() and wake_at().
class Connection {
 public:
  Connection(int socket, SSL_CTX* tls, std::uint64_t number, Shared& shared);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  void on_events(std::uint32_t events);
  void on_timer();

  bool finished() const { return finished_; }
  std::uint32_t interest() const;
  std::optional<SteadyTime> wake_at() const { return wake_at_; }

 private:
  enum class State : std::uint8_t { Head, Body, Held, Answer, Hang };

  void fill();
  bool read_body_past_input();
  void advance();
  bool take_head();
  bool take_body();
  void take_body_bytes(std::string_view bytes);
  void begin_request(const RequestHead& head);
  void answer();
  void ask(Answer answer);
  void ask_service(const Held* held);
  bool ask_plain(Endpoint endpoint);
  bool ask_embeddings();
  void answer_admin(std::string_view path);
  void refuse(int status, std::string_view code, std::string_view message);
  void play(std::shared_ptr<const Script> script);
  bool write_some();
  void end_answer();
  void end_request(Outcome outcome);
  void hang_up();
  Manner manner() const { return {.close = head_.close, .http10 = head_.http10}; }
  Incoming incoming() const;
  std::string_view input() const;

  Shared& shared_;
  Transport transport_;
  std::uint64_t number_;
  State state_ = State::Head;
  bool finished_ = false;
  bool want_write_ = false;
  std::optional<SteadyTime> wake_at_;

  std::vector<char> input_;  // bytes received and not yet used: [begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;

  RequestHead head_;  // its views point into input_ or head_bytes_
  std::string head_bytes_;
  std::size_t body_left_ = 0;  // of a body with Content-Length
  ChunkReader chunks_;
  BodyScan scan_;
  std::size_t body_bytes_ = 0;
  std::size_t keep_limit_ = 0;  // of bodies that are asked for whole
  std::string_view body_;       // the whole body, if it is still in input_ or kept
  std::string kept_body_;
  std::string body_start_;
  struct FreeDigest {
    void operator()(evp_md_ctx_st* digest) const;
  };
  std::unique_ptr<evp_md_ctx_st, FreeDigest> digest_;  // null unless bodies are hashed

  Protocol protocol_ = Protocol::OpenAi;
  std::optional<Held> held_;

  bool tracked_ = false;  // the request is in the log and the counters
  std::uint64_t request_number_ = 0;
  std::shared_ptr<const Script> script_;  // shared with Model, which may forget it
  std::string answer_head_;
  std::size_t sent_ = 0;
  std::size_t step_ = 0;
  bool step_begun_ = false;
  SteadyTime due_;
};

}  // namespace headgate::sim
