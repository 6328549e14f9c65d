// How a server ends when a request does not.

#include <array>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/signal.h"
#include "edge/server.h"
#include "testing/raw_server.h"

namespace headgate::edge {
namespace {

using namespace std::chrono_literals;

enum class Manners : std::uint8_t { HeedsItsCancel, Deaf };

/// Answers when it is released, and, if it has manners, when it is cancelled.
class SlowHandler final : public Handler {
 public:
  explicit SlowHandler(Manners manners) : manners_(manners) {}
  std::expected<BodyPolicy, Response> admit(const Request&, model::RequestContext&) const override {
    return BodyPolicy{};
  }
  Task<Response> handle(const Request&, model::RequestContext& context) const override {
    const OnCancel hook(context.cancel, [this] {
      if (manners_ == Manners::HeedsItsCancel) {
        release.notify();
      }
    });
    begun.set_value();
    co_await release.wait();
    co_return Response{};
  }
  Response refuse(const Error&, const Request*, model::RequestContext&) const override {
    return Response{};
  }
  void finished(const Request*, int, std::uint64_t, model::RequestContext&) const override {}

  mutable Signal release;
  mutable std::promise<void> begun;

 private:
  const Manners manners_;
};

/// One loop, one server, one request that has begun.
struct DrainTest {
  explicit DrainTest(Manners manners) : handler(manners), server(handler, loops) {
    config::ServerSettings settings;
    settings.listen = {"127.0.0.1:0"};
    EXPECT_TRUE(server.listen(settings));
    const std::string& address = server.addresses().front();
    const int port = std::stoi(address.substr(address.rfind(':') + 1));
    thread = std::thread([this] { loop.run(); });
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    EXPECT_EQ(::send(fd, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    handler.begun.get_future().wait();
  }
  DrainTest(const DrainTest&) = delete;
  DrainTest& operator=(const DrainTest&) = delete;
  ~DrainTest() {
    // Whatever is left ends before the server does.
    loop.post([this] { handler.release.notify(); });
    while (server.stats().open_connections != 0) {
      std::this_thread::yield();
    }
    loop.stop();
    thread.join();
    ::close(fd);
  }

  EventLoop loop;
  std::array<EventLoop*, 1> loops{&loop};
  SlowHandler handler;
  Server server;
  std::thread thread;
  int fd = -1;
};

TEST(ServerDrain, LetsARequestEnd) {
  DrainTest test(Manners::Deaf);
  test.loop.post([&] { test.handler.release.notify(); });
  EXPECT_EQ(test.server.drain(30s), Drained::Clean);
}

TEST(ServerDrain, CutsARequestAfterTheGrace) {
  DrainTest test(Manners::HeedsItsCancel);
  EXPECT_EQ(test.server.drain(1ms, 30s), Drained::Cut);
}

TEST(ServerDrain, GivesUpARequestThatDoesNotEndEvenThen) {
  DrainTest test(Manners::Deaf);
  EXPECT_EQ(test.server.drain(1ms, 1ms), Drained::Left);
  EXPECT_EQ(test.server.stats().in_flight, 1U);
}

}  // namespace
}  // namespace headgate::edge
