#include "sim/connection.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <openssl/evp.h>
#include <sys/epoll.h>

namespace headgate::sim {
namespace {

constexpr std::size_t kInputSize = std::size_t{32} << 10;
constexpr std::size_t kMaxHead = std::size_t{256} << 10;
/// Reads of one wake-up, so that one large body does not keep the others waiting.
constexpr int kReadsAtOnce = 16;
/// The longest that a silent or stalled answer holds its connection.
constexpr std::chrono::minutes kMaxHang{10};
/// Bodies that are read whole whatever --keep-body says.
constexpr std::size_t kMaxWhole = std::size_t{64} << 20;

/// False for the endpoints of the fast road, which a large body passes through.
bool keeps_whole(std::string_view path) {
  return !path.ends_with("/completions") && path != "/v1/embeddings" && path != "/embeddings";
}

}  // namespace

void Connection::FreeDigest::operator()(evp_md_ctx_st* digest) const { EVP_MD_CTX_free(digest); }

Connection::Connection(int socket, SSL_CTX* tls, std::uint64_t number, Shared& shared)
    : shared_(shared), transport_(socket, tls), number_(number), input_(kInputSize) {
  if (shared_.options.hash_bodies) {
    digest_.reset(EVP_MD_CTX_new());
  }
}

Connection::~Connection() = default;

std::string_view Connection::input() const { return {input_.data() + begin_, end_ - begin_}; }

std::uint32_t Connection::interest() const {
  bool room = state_ == State::Head || state_ == State::Body || end_ < input_.size();
  return EPOLLRDHUP | (room ? EPOLLIN : 0U) | (want_write_ ? EPOLLOUT : 0U);
}

void Connection::on_events(std::uint32_t events) {
  bool waiting = state_ == State::Answer || state_ == State::Hang || state_ == State::Held;
  if (waiting && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    hang_up();
    return;
  }
  if ((events & EPOLLOUT) != 0) {
    want_write_ = false;
    advance();
  }
  if (!finished_ && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
    fill();
  }
}

void Connection::on_timer() {
  wake_at_.reset();
  if (state_ == State::Hang) {
    end_request(Outcome::Broken);
    finished_ = true;
    return;
  }
  if (state_ == State::Held) {
    std::optional<Held> held = std::move(held_);
    ask_service(&*held);
  }
  advance();
}

void Connection::fill() {
  do {
    if (state_ == State::Body && !head_.chunked && begin_ == end_) {
      if (!read_body_past_input()) {
        return;
      }
      advance();
      continue;
    }
    if (begin_ == end_) {
      begin_ = end_ = 0;
    } else if (end_ == input_.size() && begin_ > 0 && state_ != State::Answer &&
               state_ != State::Held) {
      std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == input_.size()) {
      if (state_ == State::Answer || state_ == State::Hang || state_ == State::Held) {
        return;
      }
      input_.resize(input_.size() * 2);
    }
    Transfer got = transport_.read(std::span(input_).subspan(end_));
    if (got.kind == Transfer::Kind::Wait) {
      return;
    }
    if (got.kind == Transfer::Kind::Ended) {
      hang_up();
      return;
    }
    end_ += got.size;
    advance();
  } while (!finished_ && transport_.buffered());
}

/// The bulk of a large body goes through one buffer that stays in the cache. False: no more for
/// now.
bool Connection::read_body_past_input() {
  for (int i = 0; i < kReadsAtOnce && body_left_ > 0; ++i) {
    std::size_t size = std::min(body_left_, shared_.scratch.size());
    Transfer got = transport_.read(std::span(shared_.scratch).first(size));
    if (got.kind == Transfer::Kind::Ended) {
      hang_up();
      return false;
    }
    if (got.kind == Transfer::Kind::Wait) {
      return false;
    }
    body_left_ -= got.size;
    take_body_bytes({shared_.scratch.data(), got.size});
  }
  return true;
}

void Connection::advance() {
  while (!finished_) {
    bool moved = false;
    switch (state_) {
      case State::Head:
        moved = take_head();
        break;
      case State::Body:
        moved = take_body();
        break;
      case State::Answer:
        moved = write_some();
        break;
      case State::Held:
      case State::Hang:
        break;
    }
    if (!moved) {
      return;
    }
  }
}

bool Connection::take_head() {
  std::string_view bytes = input();
  while (bytes.starts_with("\r\n")) {
    begin_ += 2;
    bytes.remove_prefix(2);
  }
  std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() > kMaxHead) {
      finished_ = true;
    }
    return false;
  }
  auto head = parse_request_head(bytes.substr(0, end + 2));
  if (!head) {
    finished_ = true;  // only a broken client sends this: the log shows that nothing came
    return false;
  }
  head_ = *head;
  begin_ += end + 4;
  begin_request(head_);
  std::size_t here = input().size();
  if (head_.chunked || head_.content_length > here) {
    // input_ moves while the rest is read, so the views need a copy to stand on.
    head_bytes_ = bytes.substr(0, end + 2);
    head_ = parse_request_head(head_bytes_).value_or(RequestHead{});
    if (head_.expects_continue && here == 0) {
      transport_.write("HTTP/1.1 100 Continue\r\n\r\n", "");
    }
  }
  state_ = State::Body;
  return true;
}

void Connection::begin_request(const RequestHead& head) {
  body_left_ = head.chunked ? 0 : head.content_length;
  body_bytes_ = 0;
  body_ = {};
  kept_body_.clear();
  body_start_.clear();
  keep_limit_ = keeps_whole(head.path()) ? kMaxWhole : shared_.options.keep_body;
  chunks_.reset();
  scan_.reset();
  if (digest_) {
    EVP_DigestInit_ex(digest_.get(), EVP_sha256(), nullptr);
  }
  tracked_ = !head.target.starts_with("/sim/");
  if (!tracked_) {
    return;
  }
  ++shared_.stats.requests;
  ++shared_.stats.in_flight;
  RequestRecord& record = shared_.log.begin();
  request_number_ = record.number;
  record.connection = number_;
  record.received = std::chrono::system_clock::now();
  shared_.now = std::chrono::steady_clock::now();  // the turn may have begun long before
  record.started = shared_.now;
  record.method = head.method;
  record.target = head.target;
  record.fields = head.fields;
  record.server_name = transport_.server_name();
}

void Connection::take_body_bytes(std::string_view bytes) {
  body_bytes_ += bytes.size();
  scan_.feed(bytes);
  if (digest_) {
    EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size());
  }
  if (body_start_.size() < kBodyStart) {
    body_start_.append(bytes.substr(0, kBodyStart - body_start_.size()));
  }
  bool whole = !head_.chunked && bytes.size() == head_.content_length;
  if (whole) {
    body_ = bytes;
  } else if (body_bytes_ <= keep_limit_) {
    kept_body_.append(bytes);
    body_ = kept_body_;
  } else {
    body_ = {};
  }
}

bool Connection::take_body() {
  if (head_.chunked) {
    while (!chunks_.done()) {
      ChunkReader::Step step = chunks_.step(input());
      if (chunks_.failed()) {
        hang_up();
        return false;
      }
      if (step.consumed == 0) {
        return false;
      }
      if (!step.data.empty()) {
        take_body_bytes(step.data);
      }
      begin_ += step.consumed;
    }
  } else if (body_left_ > 0) {
    std::string_view here = input().substr(0, body_left_);
    if (!here.empty()) {
      take_body_bytes(here);
      begin_ += here.size();
      body_left_ -= here.size();
    }
    if (body_left_ > 0) {
      return false;
    }
  }
  answer();
  return true;
}

void Connection::play(std::shared_ptr<const Script> script) {
  script_ = std::move(script);
  if (RequestRecord* record = tracked_ ? shared_.log.find(request_number_) : nullptr) {
    record->status = script_->status;
  }
  answer_head_ = script_->head;
  if (script_->number_at > 0 && script_->number_at + kNumberDigits <= answer_head_.size()) {
    std::array<char, kNumberDigits> digits{};
    const char* end =
        std::to_chars(digits.data(), digits.data() + digits.size(), request_number_).ptr;
    auto size = static_cast<std::size_t>(end - digits.data());
    answer_head_.replace(script_->number_at + kNumberDigits - size, size, digits.data(), size);
  }
  sent_ = 0;
  step_ = 0;
  step_begun_ = false;
  due_ = shared_.now;
  state_ = State::Answer;
}

/// Plays the script as far as time and the socket allow. False: called again later.
bool Connection::write_some() {
  const Script::Step& step = script_->steps[step_];
  if (!step_begun_) {
    due_ += step.delay;
    step_begun_ = true;
  }
  if (due_ > shared_.now) {
    wake_at_ = due_;
    return false;
  }
  if (sent_ < step.until) {
    std::size_t until = script_->drip ? sent_ + 1 : step.until;
    std::string_view head = answer_head_;
    head = head.substr(0, until).substr(std::min(sent_, head.size()));
    std::size_t head_size = answer_head_.size();
    std::string_view body = script_->body;
    body = body.substr(0, until > head_size ? until - head_size : 0);
    body.remove_prefix(sent_ > head_size ? sent_ - head_size : 0);
    Transfer put = transport_.write(head, body);
    if (put.kind == Transfer::Kind::Ended) {
      hang_up();
      return false;
    }
    if (put.kind == Transfer::Kind::Wait) {
      want_write_ = true;
      return false;
    }
    sent_ += put.size;
    if (script_->drip && sent_ < script_->size()) {
      wake_at_ = shared_.now + script_->byte_gap;
      return false;
    }
    return true;
  }
  if (step_ + 1 == script_->steps.size()) {
    end_answer();
    return true;
  }
  ++step_;
  step_begun_ = false;
  wake_at_ = shared_.now;  // each step leaves in a turn of its own, so that it can be seen alone
  return false;
}

void Connection::end_answer() {
  Ending ending = script_->ending;
  if (ending == Ending::Hang) {
    state_ = State::Hang;
    wake_at_ = shared_.now + kMaxHang;
    return;
  }
  end_request(script_->broken ? Outcome::Broken : Outcome::Answered);
  script_.reset();
  state_ = State::Head;
  if (ending == Ending::Reset) {
    transport_.reset_on_close();
  }
  finished_ = ending != Ending::KeepAlive;
}

void Connection::end_request(Outcome outcome) {
  if (!tracked_) {
    return;
  }
  tracked_ = false;
  --shared_.stats.in_flight;
  shared_.stats.aborted += outcome == Outcome::HungUp ? 1 : 0;
  shared_.stats.answered += outcome == Outcome::Answered ? 1 : 0;
  if (RequestRecord* record = shared_.log.find(request_number_)) {
    record->outcome = outcome;
    record->sent_bytes = sent_;
    record->took =
        std::chrono::duration_cast<std::chrono::microseconds>(shared_.now - record->started);
  }
}

void Connection::hang_up() {
  end_request(Outcome::HungUp);
  finished_ = true;
}

}  // namespace headgate::sim
