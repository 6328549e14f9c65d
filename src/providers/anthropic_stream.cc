#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <simdjson.h>

#include "providers/anthropic_wire.h"
#include "providers/sse_splitter.h"

namespace headgate::providers {
namespace {

constexpr std::string_view kStopEvent =
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

bool is_plain(std::string_view type) {
  return type.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

class AnthropicStream final : public StreamRelay {
 public:
  Result<std::string_view> feed(std::string_view bytes) override {
    if (pending_) {
      return fail(*pending_);  // whatever follows an error is not part of the answer
    }
    out_.clear();
    note(bytes);
    auto added = splitter_.feed(bytes);
    if (!added) {
      return fail(added.error());
    }
    while (auto event = splitter_.next()) {
      auto taken = take(*event);
      if (!taken) {
        // What came before the error still goes out; the error follows on every later call.
        pending_ = taken.error();
        break;
      }
    }
    if (pending_ && out_.empty()) {
      return fail(*pending_);
    }
    return out_;
  }

  Result<std::string_view> finish() override {
    if (pending_) {
      return fail(*pending_);
    }
    if (stopped_) {
      return std::string_view();
    }
    if (has_reason_) {
      return kStopEvent;  // the answer is whole; only the end mark was left out
    }
    return fail(upstream_failed("The model server ended its answer before it was complete.",
                                "stream ended without stop_reason and message_stop"));
  }

  Usage usage() const override { return usage_.total(); }
  bool ended() const override { return stopped_ && !pending_; }

 private:
  /// Follows what the model has said. Its own view of errors is that of take().
  void note(std::string_view bytes) {
    events_.clear();
    static_cast<void>(reader_->feed(bytes, events_));
    for (const model::ChatEvent& event : events_) {
      trail_.note(event);
    }
  }

  Result<void> take(const SseEvent& event) {
    if (event.data.empty() || stopped_) {
      return {};
    }
    simdjson::dom::element root;
    std::string_view type;
    if (parser_.parse(event.data.data(), event.data.size()).get(root) != simdjson::SUCCESS ||
        root["type"].get(type) != simdjson::SUCCESS) {
      return {};  // a malformed event is skipped; the end decides whether the answer is whole
    }
    if (type == "ping") {
      return {};  // ours keep the client's line open
    }
    const JsonView data(event.data);
    if (type == "error") {
      return fail(decode_anthropic_error_event(event.data));
    }
    if (type == "message_start") {
      usage_.take_input(data["message"]["usage"]);
    } else if (type == "message_delta") {
      usage_.take(data["usage"]);
      has_reason_ = has_reason_ || data["delta"]["stop_reason"].is_string();
    } else if (type == "message_stop") {
      stopped_ = true;
    }
    if (event.event.empty() && is_plain(type)) {
      // Clients pass over events that are not named.
      out_.append("event: ").append(type).append("\n");
    }
    out_.append(event.text);
    return {};
  }

  std::unique_ptr<ChatReader> reader_ = make_anthropic_chat_reader();
  std::vector<model::ChatEvent> events_;
  SseSplitter splitter_;
  simdjson::dom::parser parser_;
  std::string out_;
  AnthropicUsage usage_;
  std::optional<Error> pending_;
  bool has_reason_ = false;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<StreamRelay> make_anthropic_stream() { return std::make_unique<AnthropicStream>(); }

}  // namespace headgate::providers
