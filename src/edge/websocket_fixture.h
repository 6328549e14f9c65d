#pragma once

// A Server on loopback with a handler of its own, and a client that writes its frames by hand.

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "edge/server.h"
#include "testing/raw_server.h"
#include "testing/websocket_client.h"

namespace headgate::edge {

struct Finished {
  int status = 0;
  std::uint64_t bytes = 0;
  std::string detail;
  std::string_view kind;
};

/// The session behind a path, or null for a plain answer.
using MakeSession = std::unique_ptr<WebSocketSession> (*)(std::string_view path,
                                                          model::RequestContext& context);

/// Answers with sessions and remembers what became of them.
class SessionHandler final : public Handler {
 public:
  explicit SessionHandler(MakeSession make) : make_(make) {}
  std::expected<BodyPolicy, Response> admit(const Request&, model::RequestContext&) const override {
    return BodyPolicy{.max_bytes = 1000};
  }
  Task<Response> handle(const Request& request, model::RequestContext& context) const override {
    Response response;
    response.websocket = make_(request.path, context);
    response.body = response.websocket ? "" : "plain";
    co_return response;
  }
  Response refuse(const Error& error, const Request*, model::RequestContext&) const override {
    Response response;
    response.status = http_status(error.kind);
    response.body = error.message;
    return response;
  }
  void finished(const Request* head, int status, std::uint64_t bytes,
                model::RequestContext& context) const override {
    EXPECT_TRUE(head != nullptr && head->path.starts_with('/'));
    const std::lock_guard lock(mutex_);
    finished_.push_back(
        {.status = status, .bytes = bytes, .detail = context.error_detail, .kind = context.kind});
    changed_.notify_all();
  }

  /// The answer with this number, from 0, when it is finished.
  Finished wait_finished(std::size_t number = 0) const {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10),
                           [&] { return finished_.size() > number; })) {
      ADD_FAILURE() << "not finished in ten seconds";
      return {};
    }
    EXPECT_EQ(finished_.size(), number + 1);
    return finished_[number];
  }

 private:
  MakeSession make_;
  mutable std::mutex mutex_;  // guards the field below
  mutable std::vector<Finished> finished_;
  mutable std::condition_variable changed_;
};

/// A server with one event loop on a thread of its own.
class WebSocketGateway final {
 public:
  explicit WebSocketGateway(MakeSession make, config::ServerSettings settings = {})
      : handler(make), server(handler, loops_) {
    settings.listen = {"127.0.0.1:0"};
    const auto bound = server.listen(settings);
    if (!bound) {
      throw std::runtime_error(bound.error().message);
    }
    const std::string& address = server.addresses().front();
    port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    thread_ = std::thread([this] { loop_.run(); });
  }
  WebSocketGateway(const WebSocketGateway&) = delete;
  WebSocketGateway& operator=(const WebSocketGateway&) = delete;
  ~WebSocketGateway() {
    drain();
    loop_.stop();
    thread_.join();
  }

  /// Whether everything ended in time by itself. Once.
  bool drain() {
    return std::exchange(drained_, true) ||
           server.drain(std::chrono::seconds(10)) == Drained::Clean;
  }
  int connect() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
    return fd;
  }

  SessionHandler handler;

 private:
  EventLoop loop_;
  std::array<EventLoop*, 1> loops_{&loop_};

 public:
  Server server;

 private:
  std::uint16_t port_ = 0;
  bool drained_ = false;
  std::thread thread_;
};

inline std::string handshake(std::string_view path) {
  return "GET " + std::string(path) +
         " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
         "x-request-id: from-the-test\r\n\r\n";
}

/// A client whose handshake was answered with 101.
class WebSocketClient final {
 public:
  WebSocketClient(const WebSocketGateway& gateway, std::string_view path,
                  std::string_view more = {})
      : peer_(gateway.connect()) {
    send(handshake(path).append(more));
    head = peer_.read_head();
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << head;
  }
  void send(std::string_view bytes) { peer_.send(bytes); }
  std::string frame() { return testing::read_server_frame(peer_); }
  bool wait_closed() { return peer_.wait_closed(); }
  void close() { peer_.close(); }
  void reset() { peer_.reset(); }

  std::string head;

 private:
  testing::RawPeer peer_;
};

}  // namespace headgate::edge
