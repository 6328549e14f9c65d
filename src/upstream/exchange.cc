// One request and its response over a pooled connection.
//
// States: idle -> sent -> head -> body -> complete. Any failure closes the connection; `complete`
// gives it back. A pooled connection that turns out closed before the first response byte is
// replaced once by a new one.
#include "upstream/exchange.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/chunked_decoder.h"
#include "base/recycler.h"
#include "upstream/failure.h"

namespace headgate::upstream {
namespace {

constexpr int kMaxInterimResponses = 8;
/// A pooled connection that the server had closed shows it at once; one that breaks later may have
/// done the work, and doing that again is dispatch's decision.
constexpr std::chrono::seconds kStaleShowsWithin{1};

/// Cannot end the request line early.
bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}
bool is_target(std::string_view text) { return text.starts_with('/') && is_visible(text); }

class PooledExchange final : public Exchange, public Recycled {
 public:
  PooledExchange(ConnectionPool& pool, const OutgoingRequest& request)
      : pool_(pool), request_(request) {}

  ~PooledExchange() override {
    if (connection_ == nullptr) {
      return;
    }
    connection_->consume(piece_in_buffer_);
    if (complete_ && connection_->head.keep_alive && sent_whole_ && !request_.connect_to) {
      pool_.give_back(*request_.origin, std::move(connection_));
    } else {
      pool_.stats.dirty.add(complete_ ? 0 : 1);
      connection_->let_go();
      connection_->close();
    }
  }
  PooledExchange(const PooledExchange&) = delete;
  PooledExchange& operator=(const PooledExchange&) = delete;

  Task<Result<bool>> await_head(SteadyTime patience) override {
    if (connection_ == nullptr) {
      auto sent = co_await send(Reuse::Allowed);
      if (!sent) {
        co_return fail(sent.error());
      }
    }
    while (true) {
      auto parsed = take_head();
      if (!parsed || *parsed) {
        co_return parsed;
      }
      const auto woken = co_await connection_->receive(
          patience, std::min(first_byte_limit_, request_.timeouts.deadline));
      if (woken == Connection::Woken::Patience) {
        co_return false;
      }
      if (woken == Connection::Woken::Bytes) {
        heard_ = true;
        continue;
      }
      if (woken == Connection::Woken::Closed && pooled_ && !heard_ && !cancelled() &&
          request_.when_stale == WhenStale::SendAgain &&
          std::chrono::steady_clock::now() - sent_at_ < kStaleShowsWithin) {
        pool_.stats.retried.add(1);
        drop();
        auto sent = co_await send(Reuse::Refused);
        if (!sent) {
          co_return fail(sent.error());
        }
        continue;
      }
      co_return broken(woken, FailurePhase::FirstByteTimeout, FailurePhase::Reset);
    }
  }

  const ResponseHead& head() const override { return connection_->head; }

  Result<std::optional<std::string_view>> take() override {
    connection_->consume(std::exchange(piece_in_buffer_, 0));
    std::string_view bytes;
    if (!complete_) {
      auto piece = take_piece();
      if (!piece) {
        return fail(piece.error());
      }
      bytes = *piece;
    }
    if (bytes.empty() && !complete_) {
      return std::optional<std::string_view>();
    }
    silent_ = false;
    return std::optional(bytes);
  }

  Task<Result<std::optional<std::string_view>>> read(SteadyTime patience) override {
    while (true) {
      auto piece = take();
      if (!piece || *piece) {
        co_return piece;
      }
      if (!silent_) {
        silent_ = true;
        idle_limit_ = std::chrono::steady_clock::now() + request_.timeouts.idle;
      }
      const auto woken = co_await connection_->receive(
          patience, std::min(idle_limit_, request_.timeouts.deadline));
      if (woken == Connection::Woken::Patience) {
        co_return std::optional<std::string_view>();
      }
      if (woken == Connection::Woken::Bytes) {
        continue;
      }
      if (woken == Connection::Woken::Closed && !cancelled() &&
          connection_->head.body == ResponseHead::Body::UntilClose &&
          connection_->ended_cleanly()) {
        complete_ = true;
        continue;
      }
      co_return broken(woken, FailurePhase::IdleTimeout, FailurePhase::Truncated);
    }
  }

 private:
  enum class Reuse : std::uint8_t { Allowed, Refused };

  bool cancelled() const { return request_.cancel != nullptr && request_.cancel->cancelled(); }

  void drop() {
    connection_->let_go();
    connection_->close();
    connection_.reset();
  }

  Result<void> check() const;
  Task<Result<void>> send(Reuse reuse);
  void make_head(std::string& head) const;
  Destination destination() const { return {*request_.origin, request_.connect_to}; }
  Result<bool> take_head();
  Result<std::string_view> take_piece();
  Result<std::string_view> take_chunks();

  Error too_late(Error error) const;
  /// Why an exchange ended. Out of line: it would make the coroutines' frames larger.
  Failure broken(Connection::Woken woken, FailurePhase timeout, FailurePhase closed) const;

  ConnectionPool& pool_;
  OutgoingRequest request_;
  ConnectionPtr connection_;
  ChunkedDecoder chunks_;
  HeadSearch search_;
  SteadyTime sent_at_{};
  SteadyTime first_byte_limit_{};
  SteadyTime idle_limit_{};
  std::uint64_t left_ = 0;           // of a body with a length
  std::size_t piece_in_buffer_ = 0;  // bytes at the buffer's front that the last piece still uses
  int interim_ = 0;
  bool pooled_ = false;
  bool heard_ = false;
  bool silent_ = false;  // idle_limit_ counts: nothing of the body since
  bool sent_whole_ = false;
  bool complete_ = false;
};

/// A connection that did not come about because the whole exchange had no time left says nothing of
/// the server.
[[gnu::noinline]] Error PooledExchange::too_late(Error error) const {
  const bool total = failure_phase(error) == FailurePhase::ConnectTimeout &&
                     std::chrono::steady_clock::now() >= request_.timeouts.deadline;
  return total ? failure(FailurePhase::TotalTimeout, std::move(error.detail)) : error;
}

[[gnu::noinline]] Failure PooledExchange::broken(Connection::Woken woken, FailurePhase timeout,
                                                 FailurePhase closed) const {
  if (cancelled()) {
    return fail(client_left());
  }
  if (woken == Connection::Woken::TimedOut) {
    const bool total = std::chrono::steady_clock::now() >= request_.timeouts.deadline;
    return fail(
        failure(total ? FailurePhase::TotalTimeout : timeout, request_.origin->host_and_port()));
  }
  return fail(failure(closed, request_.origin->host_and_port()));
}

void PooledExchange::make_head(std::string& head) const {
  std::uint64_t length = 0;
  for (const std::string_view piece : request_.body) {
    length += piece.size();
  }
  const Proxy* const proxy = pool_.forwarding_proxy(destination());
  const Origin& origin = *request_.origin;
  head.clear();
  head.append(request_.method).append(" ");
  if (proxy != nullptr) {
    head.append("http://");
    origin.append_authority(head);
  }
  head.append(request_.base_path).append(request_.target).append(" HTTP/1.1\r\nHost: ");
  origin.append_authority(head);
  head.append("\r\n");
  if (proxy != nullptr && !proxy->authorization.empty()) {
    head.append("Proxy-Authorization: ").append(proxy->authorization).append("\r\n");
  }
  if (request_.connect_to) {
    head.append("Connection: close\r\n");
  }
  head.append(request_.fields).append(request_.more_fields).append(request_.trace_fields);
  if (length > 0 || (request_.method != "GET" && request_.method != "HEAD")) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), length).ptr;
    head.append("Content-Length: ").append(digits.data(), end).append("\r\n");
  }
  head.append("\r\n");
}

[[gnu::noinline]] Result<void> PooledExchange::check() const {
  if (cancelled()) {
    return fail(client_left());
  }
  if (request_.body.size() > kMaxBodyPieces ||
      !is_target(request_.base_path.empty() ? request_.target : request_.base_path) ||
      !is_visible(request_.target)) {
    return fail(internal_error("an upstream request with a bad target or too many pieces"));
  }
  return {};
}

Task<Result<void>> PooledExchange::send(Reuse reuse) {
  if (auto sound = check(); !sound) {
    co_return fail(sound.error());
  }
  const bool pool_allowed =
      reuse == Reuse::Allowed && !request_.connect_to && request_.when_stale != WhenStale::Avoid;
  connection_ = pool_allowed ? pool_.take_idle(*request_.origin) : nullptr;
  pooled_ = connection_ != nullptr;
  if (pooled_) {
    if (request_.cancel != nullptr) {
      connection_->hold(*request_.cancel);
    }
  } else {
    const SteadyTime until = std::min(std::chrono::steady_clock::now() + request_.timeouts.connect,
                                      request_.timeouts.deadline);
    auto opened = co_await pool_.connect(destination(), until, request_.cancel);
    if (!opened) {
      co_return fail(too_late(std::move(opened.error())));
    }
    connection_ = std::move(*opened);
  }
  make_head(connection_->outgoing);
  std::array<std::string_view, kMaxBodyPieces + 1> pieces;
  pieces[0] = connection_->outgoing;
  std::ranges::copy(request_.body, pieces.begin() + 1);
  const auto sent = co_await connection_->send(std::span(pieces).first(request_.body.size() + 1),
                                               request_.timeouts.idle, request_.timeouts.deadline);
  sent_whole_ = sent == Connection::Sent::All;
  if (sent == Connection::Sent::TimedOut) {
    co_return broken(Connection::Woken::TimedOut, FailurePhase::IdleTimeout, FailurePhase::Reset);
  }
  // If sending broke off, the server may still have said why: its response is read either way.
  sent_at_ = std::chrono::steady_clock::now();
  first_byte_limit_ = sent_at_ + request_.timeouts.first_byte;
  search_ = {};
  co_return Result<void>{};
}

Result<bool> PooledExchange::take_head() {
  while (true) {
    auto end = find_head_end(connection_->unread(), search_);
    if (!end) {
      return fail(end.error());
    }
    if (!*end) {
      return false;
    }
    const auto method = request_.method == "HEAD" ? RequestMethod::Head : RequestMethod::Other;
    ResponseHead& head = connection_->head;
    auto parsed = parse_response_head(connection_->unread().substr(0, **end), method, head);
    if (!parsed) {
      return fail(parsed.error());
    }
    if (head.status == 101 || (head.status < 200 && ++interim_ > kMaxInterimResponses)) {
      return fail(failure(FailurePhase::Protocol, "unexpected interim response"));
    }
    if (head.status >= 200) {
      // The head stays in the buffer while its fields are looked at: it goes with the first piece.
      piece_in_buffer_ = **end;
      left_ = head.length;
      complete_ = head.body == ResponseHead::Body::None ||
                  (head.body == ResponseHead::Body::Length && left_ == 0);
      return true;
    }
    connection_->consume(**end);
    search_ = {};
  }
}

Result<std::string_view> PooledExchange::take_piece() {
  const std::string_view unread = connection_->unread();
  switch (connection_->head.body) {
    case ResponseHead::Body::None:
      complete_ = true;
      return std::string_view();
    case ResponseHead::Body::Length: {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, unread.size()));
      left_ -= size;
      complete_ = left_ == 0;
      piece_in_buffer_ = size;
      return unread.substr(0, size);
    }
    case ResponseHead::Body::Chunked:
      return take_chunks();
    case ResponseHead::Body::UntilClose:
      piece_in_buffer_ = unread.size();
      return unread;
  }
  return std::string_view();
}

Result<std::string_view> PooledExchange::take_chunks() {
  // Runs of data are moved together over the framing between them; a lone one stays where it is.
  const std::string_view unread = connection_->unread();
  char* first = connection_->unread_data();
  std::size_t taken = 0;
  std::size_t size = 0;
  while (taken < unread.size() && !chunks_.complete()) {
    auto step = chunks_.next(unread.substr(taken));
    if (!step) {
      return fail(failure(FailurePhase::Protocol, step.error().message));
    }
    taken += step->taken;
    if (size == 0) {
      first += step->data.empty() ? 0 : step->data.data() - first;
    } else if (!step->data.empty()) {
      std::memmove(first + size, step->data.data(), step->data.size());
    }
    size += step->data.size();
  }
  complete_ = chunks_.complete();
  if (size == 0) {
    connection_->consume(taken);
    return std::string_view();
  }
  piece_in_buffer_ = taken;
  return std::string_view(first, size);
}

}  // namespace

std::unique_ptr<Exchange> make_exchange(ConnectionPool& pool, const OutgoingRequest& request) {
  return std::make_unique<PooledExchange>(pool, request);
}

}  // namespace headgate::upstream
