// Answers on their way from a model server through the dispatcher to whoever reads them.
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/blocking_pool.h"
#include "base/event_loop_run.h"
#include "dispatch/dispatcher.h"
#include "testing/raw_server.h"

namespace headgate::dispatch {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kBody =
    R"({"id":"c1","choices":[{"index":0,"message":{"role":"assistant","content":"Grüße"}}],)"
    R"("usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}})";
constexpr std::string_view kEvents =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Gr\xC3\xBC\xC3\x9F\"}}]}\n\n"
    "data: "
    "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"e\"},\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5}}\n\n"
    "data: [DONE]\n\n";

enum class Reader : std::uint8_t { Caller, Job };

struct AnyAttempt final : model::AttemptLedger {
  Task<Result<void>> begin(std::string_view, std::string_view) override {
    co_return Result<void>{};
  }
  void failed(const Error& /*error*/) override {}
  Task<Result<void>> remote(std::string_view /*id*/) override { co_return Result<void>{}; }
  const model::JobAttempt* under_way() const override { return nullptr; }
  bool leaves_remote() const override { return false; }
};

std::string head(std::string_view type, std::string_view framing) {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) + "\r\n" + std::string(framing) +
         "\r\n\r\n";
}

/// What a reader saw.
struct Seen {
  std::string fields;  ///< of the head
  std::string bytes;
  std::vector<std::size_t> pieces;  ///< their sizes
  std::optional<Error> error;
  std::int64_t input_tokens = -1;
  std::int64_t output_tokens = -1;
  bool estimated = false;
  std::size_t usage_known_at = 0;  ///< behind so many bytes
};

/// Reads answers of a model server that does what a test says.
class RelayTest : public ::testing::Test {
 protected:
  /// One request whose connection `script` serves once it has come. `arrived` is called with the
  /// number of bytes read so far.
  Seen ask(
      model::Delivery delivery, Reader reader, const std::function<void(testing::RawPeer&)>& script,
      const std::function<void(std::size_t)>& arrived = [](std::size_t) {}) {
    const testing::RawServer server([&](testing::RawPeer& peer, int) {
      const std::string request = peer.read_head();
      const auto length = request.find("Content-Length: ");
      peer.read_exactly(std::stoul(request.substr(length + 16)));
      script(peer);
    });
    config::Settings settings;
    settings.providers.emplace_back();
    settings.providers[0].name = "local";
    settings.providers[0].protocol = protocol_;
    settings.providers[0].base_url = "http://127.0.0.1:" + std::to_string(server.port()) + "/v1";
    settings.models.emplace_back();
    settings.models[0].name = "m";
    settings.models[0].targets.emplace_back();
    settings.models[0].targets[0].provider = "local";
    settings.models[0].retry.max_attempts = attempts_;
    settings.models[0].retry.initial = 1ms;
    settings.models[0].kind = name_of(asked_.kind);
    EventLoop loop;
    Catalogs catalogs(1, [&](std::size_t) { return routing::Catalog::build(settings).value(); });
    Clients clients(1, [&](std::size_t) {
      return std::make_unique<upstream::Client>(loop, resolver_, upstream::ClientSettings{});
    });
    routing::Health health;
    Routers routers(1, [&](std::size_t) { return routing::Router(health, 1); });
    const Dispatcher dispatcher({.catalogs = catalogs, .clients = clients, .routers = routers},
                                lines_);
    return run_on(loop, read_all(dispatcher, delivery, reader, arrived));
  }

  std::string protocol_ = "openai";
  std::string body_ = R"({"model":"m"})";
  model::InferenceRequest asked_;  ///< beside what ask() says
  unsigned attempts_ = 1;

 private:
  Task<Seen> read_all(const Dispatcher& dispatcher, model::Delivery delivery, Reader reader,
                      const std::function<void(std::size_t)>& arrived) {
    AnyAttempt ledger;
    model::RequestContext context;
    context.ledger = reader == Reader::Job ? &ledger : nullptr;
    model::InferenceRequest request = asked_;
    request.delivery = delivery;
    request.model = "m";
    request.body = body_;
    request.model_value = {.begin = 9, .end = 12};
    request.usage_wanted = true;
    Seen seen;
    auto response = co_await dispatcher.run(request, context);
    if (!response) {
      seen.error = response.error();
      seen.input_tokens = context.input_tokens;
      co_return seen;
    }
    seen.fields = response->fields;
    if (!response->stream) {
      seen.bytes = response->body;
      seen.pieces.push_back(seen.bytes.size());
    }
    while (response->stream) {
      auto piece = co_await response->stream->next();
      if (!piece) {
        seen.error = piece.error();
        break;
      }
      if (piece->empty()) {
        break;
      }
      seen.bytes.append(*piece);
      seen.pieces.push_back(piece->size());
      if (context.input_tokens >= 0 && seen.usage_known_at == 0) {
        seen.usage_known_at = seen.bytes.size();
      }
      arrived(seen.bytes.size());
    }
    seen.input_tokens = context.input_tokens;
    seen.output_tokens = context.output_tokens;
    seen.estimated = context.usage_estimated;
    co_return seen;
  }

  SystemClock clock_;
  BlockingPool pool_{"dns", 1, 16};
  upstream::Resolver resolver_{pool_, clock_,
                               [](const std::string&) -> Result<std::vector<upstream::IpAddress>> {
                                 return std::vector{*upstream::parse_address("127.0.0.1")};
                               }};
  queue::Lines lines_{[](std::string_view) { return queue::LineSettings{}; }};
};

std::string length_of(std::string_view body) {
  return "Content-Length: " + std::to_string(body.size());
}

TEST_F(RelayTest, AnAnswerInOnePieceIsRelayedAsItIs) {
  const Seen seen = ask(model::Delivery::Whole, Reader::Job, [](testing::RawPeer& peer) {
    peer.send(head("application/json", length_of(kBody)) + std::string(kBody));
  });
  EXPECT_FALSE(seen.error);
  EXPECT_EQ(seen.bytes, kBody);
  EXPECT_EQ(seen.input_tokens, 7);
  EXPECT_EQ(seen.output_tokens, 5);
}

TEST_F(RelayTest, AnAnswerInManyReadsIsTheSameWhereverItIsCut) {
  for (std::size_t cut = 1; cut < kBody.size(); cut += 7) {
    const Seen seen = ask(model::Delivery::Whole, Reader::Job, [&](testing::RawPeer& peer) {
      peer.send(head("application/json", length_of(kBody)));
      peer.send(kBody.substr(0, cut));
      peer.send(kBody.substr(cut));
    });
    ASSERT_FALSE(seen.error) << cut << ": " << seen.error->detail;
    ASSERT_EQ(seen.bytes, kBody) << cut;
    ASSERT_EQ(seen.input_tokens, 7) << cut;
    ASSERT_EQ(seen.output_tokens, 5) << cut;
  }
}

TEST_F(RelayTest, OfALargeAnswerTheRestStreams) {
  std::string large(kBody);
  large.insert(1, R"("padding":")" + std::string(3U << 20U, 'x') + "\",");
  std::counting_semaphore<> first_part_read(0);
  const Seen seen = ask(
      model::Delivery::Whole, Reader::Caller,
      [&](testing::RawPeer& peer) {
        peer.send(head("application/json", length_of(large)));
        peer.send(std::string_view(large).substr(0, 2U << 20U));
        EXPECT_TRUE(first_part_read.try_acquire_for(30s)) << "it is not kept back";
        peer.send(std::string_view(large).substr(2U << 20U));
      },
      [&](std::size_t bytes) {
        if (bytes <= 2U << 20U) {
          first_part_read.release();
        }
      });
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_EQ(seen.bytes, large);
  EXPECT_EQ(seen.usage_known_at, large.size()) << "nobody asks for what follows the last byte";
  EXPECT_EQ(seen.input_tokens, 7);
  EXPECT_EQ(seen.output_tokens, 5);
}

TEST_F(RelayTest, AStreamIsTheSameHoweverItComes) {
  const auto in_pieces_of = [this](std::size_t size) {
    return ask(model::Delivery::Stream, Reader::Job, [size](testing::RawPeer& peer) {
      peer.send(head("text/event-stream", "Connection: close"));
      for (std::size_t at = 0; at < kEvents.size(); at += size) {
        peer.send(kEvents.substr(at, size));
      }
    });
  };
  for (const std::size_t size : {kEvents.size(), std::size_t{64}, std::size_t{1}}) {
    const Seen seen = in_pieces_of(size);
    ASSERT_FALSE(seen.error) << size << ": " << seen.error->detail;
    EXPECT_EQ(seen.bytes, kEvents) << size;
    EXPECT_EQ(seen.input_tokens, 7) << size;
    EXPECT_EQ(seen.output_tokens, 5) << size;
  }
}

TEST_F(RelayTest, WhatAWholeAnswerDoesNotTellOfItsUsageIsEstimated) {
  constexpr std::string_view kUntold =
      R"({"choices":[{"index":0,"message":{"role":"assistant","content":"12345678901234"}}]})";
  const Seen seen = ask(model::Delivery::Whole, Reader::Caller, [&](testing::RawPeer& peer) {
    peer.send(head("application/json", length_of(kUntold)) + std::string(kUntold));
  });
  EXPECT_EQ(seen.bytes, kUntold) << "nothing is made up in the vendor's answer";
  EXPECT_EQ(seen.input_tokens, 4) << "of 13 bytes";
  EXPECT_EQ(seen.output_tokens, 4);
  EXPECT_TRUE(seen.estimated);
  EXPECT_THAT(seen.fields, HasSubstr("x-headgate-usage: estimated\r\n"));

  const Seen told = ask(model::Delivery::Whole, Reader::Caller, [](testing::RawPeer& peer) {
    peer.send(head("application/json", length_of(kBody)) + std::string(kBody));
  });
  EXPECT_FALSE(told.estimated);
  EXPECT_THAT(told.fields, Not(HasSubstr("x-headgate-usage")));
}

TEST_F(RelayTest, WhatAStreamDoesNotTellOfItsUsageIsEstimatedAtItsEnd) {
  constexpr std::string_view kUntold =
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"123456789\"},"
      "\"finish_reason\":\"stop\"}]}\n\n"
      "data: [DONE]\n\n";
  const Seen seen = ask(model::Delivery::Stream, Reader::Caller, [&](testing::RawPeer& peer) {
    peer.send(head("text/event-stream", "Connection: close") + std::string(kUntold));
  });
  EXPECT_EQ(seen.bytes, kUntold);
  EXPECT_EQ(seen.input_tokens, 4);
  EXPECT_EQ(seen.output_tokens, 3);
  EXPECT_TRUE(seen.estimated);
}

TEST_F(RelayTest, ACallThatFailedBeforeItsFirstTokenUsedNothing) {
  protocol_ = "anthropic";
  body_ = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
  const Seen seen = ask(model::Delivery::Stream, Reader::Caller, [](testing::RawPeer& peer) {
    peer.send(
        head("text/event-stream", "Connection: close") +
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\","
        "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"x\",\"content\":[],"
        "\"stop_reason\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n"
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\","
        "\"message\":\"x\"}}\n\n");
  });
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.input_tokens, -1) << "a failed call is not billed";
}

TEST_F(RelayTest, AStreamInOtherWordsMayEndWithoutAToken) {
  protocol_ = "anthropic";
  body_ = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
  const Seen seen = ask(model::Delivery::Stream, Reader::Caller, [](testing::RawPeer& peer) {
    peer.send(
        head("text/event-stream", "Connection: close") +
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\","
        "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"x\",\"content\":[],"
        "\"stop_reason\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n"
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
        "\"end_turn\"},\"usage\":{\"output_tokens\":1}}\n\n"
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
  });
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_THAT(seen.bytes, HasSubstr("data: [DONE]"));
  EXPECT_EQ(seen.input_tokens, 3);
}

TEST_F(RelayTest, AnAnswerThatIsCutIsNeverPassedOffAsWhole) {
  for (const Reader reader : {Reader::Caller, Reader::Job}) {
    const Seen seen = ask(model::Delivery::Whole, reader, [](testing::RawPeer& peer) {
      peer.send(head("application/json", length_of(kBody)));
      peer.send(kBody.substr(0, kBody.size() - 1));
    });
    ASSERT_TRUE(seen.error);
    EXPECT_EQ(seen.error->kind, ErrorKind::UpstreamFailed);
    EXPECT_EQ(seen.input_tokens, -1) << "what it cost is not known";
  }
}

TEST_F(RelayTest, AStreamThatIsCutEndsWithAnErrorForItsReader) {
  const auto cut = [](testing::RawPeer& peer) {
    peer.send(head("text/event-stream", "Transfer-Encoding: chunked"));
    const std::string_view first = kEvents.substr(0, kEvents.find("\n\n") + 2);
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", first.size());
    peer.send(size + std::string(first) + "\r\n");
  };
  const Seen caller = ask(model::Delivery::Stream, Reader::Caller, cut);
  EXPECT_FALSE(caller.error) << "the status has been sent: the stream itself tells";
  EXPECT_THAT(caller.bytes, AllOf(HasSubstr("Gr\xC3\xBC\xC3\x9F"), HasSubstr(R"(data: {"error")"),
                                  Not(HasSubstr("[DONE]"))));
  const Seen job = ask(model::Delivery::Stream, Reader::Job, cut);
  ASSERT_TRUE(job.error) << "who runs the job decides by the error";
  EXPECT_EQ(job.error->kind, ErrorKind::UpstreamFailed);
  EXPECT_THAT(job.bytes, AllOf(HasSubstr("Gr\xC3\xBC\xC3\x9F"), Not(HasSubstr("error"))));
}

TEST_F(RelayTest, WhatIsNoAnswerIsNeverPassedOffAsOne) {
  const std::string half(kBody.substr(0, kBody.size() / 2));
  for (const std::string& body : {half, std::string(), std::string("\xff\0{", 3),
                                  std::string(R"({"error":{"message":"no"}})")}) {
    for (const Reader reader : {Reader::Caller, Reader::Job}) {
      const Seen seen = ask(model::Delivery::Whole, reader, [&](testing::RawPeer& peer) {
        peer.send(head("application/json", length_of(body)) + body);
      });
      ASSERT_TRUE(seen.error) << body;
      EXPECT_EQ(seen.error->kind, ErrorKind::UpstreamFailed) << body;
      EXPECT_EQ(seen.input_tokens, -1) << "what it cost is not known";
    }
  }
}

TEST_F(RelayTest, AStreamIsWholeOnceItsEndMarkHasComeHoweverItsConnectionEnds) {
  enum class End : std::uint8_t { Cut, Silence };
  for (const End end : {End::Cut, End::Silence}) {
    int calls = 0;
    const Seen seen = ask(model::Delivery::Stream, Reader::Caller, [&](testing::RawPeer& peer) {
      ++calls;
      char size[16];
      std::snprintf(size, sizeof size, "%zx\r\n", kEvents.size());
      peer.send(head("text/event-stream", "Transfer-Encoding: chunked") + size +
                std::string(kEvents) + "\r\n");
      if (end == End::Silence) {
        peer.read_exactly(1);  // returns when the gateway lets go
      }
    });
    EXPECT_FALSE(seen.error);
    EXPECT_EQ(seen.bytes, kEvents);
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(seen.output_tokens, 5);
  }
}

/// The chunk of a chunked body.
std::string chunk(std::string_view bytes) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + std::string(bytes) + "\r\n";
}

class SoundTest : public RelayTest {
 protected:
  SoundTest() {
    asked_.kind = model::Kind::Speech;
    asked_.form = model::AnswerForm::Audio;
  }
};

TEST_F(SoundTest, ComesWithItsOwnTypeAndBytes) {
  const std::string sound("ID3\x00\xFF\r\n", 7);
  const Seen seen = ask(model::Delivery::Whole, Reader::Caller, [&](testing::RawPeer& peer) {
    peer.send(head("audio/mpeg", length_of(sound)) + sound);
  });
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_EQ(seen.bytes, sound);
  EXPECT_THAT(seen.fields, HasSubstr("Content-Type: audio/mpeg\r\n"));
  EXPECT_EQ(seen.input_tokens, -1) << "bytes that look like usage are none";
}

TEST_F(SoundTest, IsHeardWhileItIsMade) {
  std::counting_semaphore<> first_heard(0);
  const Seen seen = ask(
      model::Delivery::Whole, Reader::Caller,
      [&](testing::RawPeer& peer) {
        peer.send(head("audio/mpeg", "Transfer-Encoding: chunked") + chunk("first"));
        EXPECT_TRUE(first_heard.try_acquire_for(30s)) << "it is not held back";
        peer.send(chunk("second") + "0\r\n\r\n");
      },
      [&](std::size_t bytes) {
        if (bytes == 5) {
          first_heard.release();
        }
      });
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_EQ(seen.bytes, "firstsecond");
}

TEST_F(SoundTest, ThatIsCutIsNeverPassedOffAsWhole) {
  const Seen chunked = ask(model::Delivery::Whole, Reader::Caller, [&](testing::RawPeer& peer) {
    peer.send(head("audio/mpeg", "Transfer-Encoding: chunked") + chunk("first"));
  });
  ASSERT_TRUE(chunked.error);
  EXPECT_EQ(chunked.error->kind, ErrorKind::UpstreamFailed);
  const Seen endless = ask(model::Delivery::Whole, Reader::Caller, [&](testing::RawPeer& peer) {
    peer.send(head("audio/mpeg", "Connection: close") + "first");
  });
  ASSERT_TRUE(endless.error) << "nobody can tell whether it is whole";
  EXPECT_EQ(endless.bytes, "");
}

TEST_F(SoundTest, ThatBreaksBeforeItsFirstByteIsAskedForAgain) {
  attempts_ = 2;
  int calls = 0;
  const Seen seen = ask(model::Delivery::Whole, Reader::Caller, [&](testing::RawPeer& peer) {
    peer.send(head("audio/mpeg", "Transfer-Encoding: chunked") +
              (calls++ == 0 ? "" : chunk("sound") + "0\r\n\r\n"));
  });
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_EQ(seen.bytes, "sound");
  EXPECT_EQ(calls, 2);
}

TEST_F(SoundTest, APageInItsPlaceIsAFailure) {
  for (const std::string_view type : {"text/html", "application/json"}) {
    const Seen seen = ask(model::Delivery::Whole, Reader::Caller, [&](testing::RawPeer& peer) {
      peer.send(head(type, "Content-Length: 2") + "{}");
    });
    ASSERT_TRUE(seen.error) << type;
    EXPECT_EQ(seen.error->kind, ErrorKind::UpstreamFailed);
  }
}

TEST_F(RelayTest, NumbersBecomeBase64ForAClientThatAskedForIt) {
  asked_.kind = model::Kind::Embedding;
  asked_.base64 = true;
  const std::string numbers =
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1.0]}],"model":"v","usage":{"prompt_tokens":3,"total_tokens":3}})";
  const Seen seen = ask(model::Delivery::Whole, Reader::Caller, [&](testing::RawPeer& peer) {
    peer.send(head("application/json", length_of(numbers)) + numbers);
  });
  ASSERT_FALSE(seen.error) << seen.error->detail;
  EXPECT_THAT(seen.bytes, HasSubstr(R"("embedding":"AAAAPwAAgL8=")"));
  EXPECT_EQ(seen.input_tokens, 3);
}

}  // namespace
}  // namespace headgate::dispatch
