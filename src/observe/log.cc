#include "observe/log.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <string>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include "base/encoding.h"
#include "observe/line_sink.h"

namespace headgate::observe::log {
namespace {

// A whole line fits what a pipe takes at once, so lines of several writers never mix.
constexpr std::size_t kMaxMessage = 1024;
constexpr std::size_t kMaxValue = 512;
constexpr std::size_t kMaxLine = 4000;

constexpr std::array<std::string_view, 5> kLevelNames = {"trace", "debug", "info", "warning",
                                                         "error"};
constexpr std::array<spdlog::level::level_enum, 5> kSpdlogLevels = {
    spdlog::level::trace, spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
    spdlog::level::err};

/// Appends `text` escaped as inside a JSON string: control characters also mislead terminals.
void append_escaped(std::string& out, std::string_view text) {
  const std::string quoted = json_quote(text);
  out.append(quoted, 1, quoted.size() - 2);
}

std::string_view name_of(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

/// The spdlog end: gets finished lines. base_sink's mutex serialises the threads.
class Destination final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit Destination(int fd) : sink_(fd, LineSink::Ownership::Borrowed) {}
  bool terminal() const { return sink_.terminal(); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    sink_.write({message.payload.data(), message.payload.size()}, std::chrono::milliseconds(0));
  }
  void flush_() override {}

 private:
  LineSink sink_;
};

/// Where lines go and how they look: replaced as one by configure().
struct Target {
  Format format = Format::Text;
  std::shared_ptr<spdlog::logger> logger;  // spdlog hands loggers around that way
};

struct State {
  State() { target = make_target({}); }

  static std::shared_ptr<const Target> make_target(const Options& options) {
    auto destination = std::make_shared<Destination>(options.fd);
    auto made = std::make_shared<Target>();
    made->format = options.format;
    if (options.format == Format::Auto) {
      made->format = destination->terminal() ? Format::Text : Format::Json;
    }
    made->logger = std::make_shared<spdlog::logger>("headgate", std::move(destination));
    made->logger->set_level(spdlog::level::trace);  // `level` below decides
    return made;
  }

  std::atomic<Level> level{Level::Info};
  std::mutex mutex;
  std::shared_ptr<const Target> target;  // guarded by mutex; shared with writes under way
};

// The one process-wide object here: faults must be loggable from anywhere, also while the program
// ends, so it is never destroyed.
State& state() {
  static State& instance = *new State;
  return instance;
}

void append_value(std::string& out, const Field& field, Format format) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    const std::string_view shown = text->substr(0, kMaxValue);
    const bool quoted = format == Format::Json || shown.empty() ||
                        shown.find_first_of(" \"=\\") != std::string_view::npos;
    if (quoted) {
      out.push_back('"');
    }
    append_escaped(out, shown);
    if (quoted) {
      out.push_back('"');
    }
  } else if (const auto* number = std::get_if<double>(&field.value)) {
    if (std::isfinite(*number)) {
      fmt::format_to(std::back_inserter(out), "{}", *number);
    } else {
      out.append("null");  // JSON has no infinity
    }
  } else if (const auto* whole = std::get_if<std::int64_t>(&field.value)) {
    out.append(std::to_string(*whole));
  } else if (const auto* natural = std::get_if<std::uint64_t>(&field.value)) {
    out.append(std::to_string(*natural));
  } else {
    out.append(std::get<bool>(field.value) ? "true" : "false");
  }
}

std::int64_t unix_milliseconds_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string json_line(Level level, std::string_view message, Fields fields) {
  std::string line = "{\"ts\":\"";
  line.append(rfc3339(unix_milliseconds_now())).append("\",\"level\":\"");
  line.append(name_of(level)).append("\",\"message\":\"");
  append_escaped(line, message.substr(0, kMaxMessage));
  line.push_back('"');
  for (const Field& field : fields) {
    std::string one = ",\"";
    append_escaped(one, field.key);
    one.append("\":");
    append_value(one, field, Format::Json);
    if (line.size() + one.size() < kMaxLine) {
      line.append(one);
    }
  }
  line.append("}\n");
  return line;
}

std::string text_line(Level level, std::string_view message, Fields fields) {
  std::string line = rfc3339(unix_milliseconds_now());
  line.append(fmt::format(" {:<7} ", name_of(level)));
  append_escaped(line, message.substr(0, kMaxMessage));
  for (const Field& field : fields) {
    std::string one = " ";
    append_escaped(one, field.key);
    one.push_back('=');
    append_value(one, field, Format::Text);
    if (line.size() + one.size() < kMaxLine) {
      line.append(one);
    }
  }
  line.push_back('\n');
  return line;
}

}  // namespace

std::optional<Level> level_named(std::string_view name) {
  const std::string lower = ascii_lower(name);
  if (lower == "warn") {
    return Level::Warning;
  }
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == lower) {
      return static_cast<Level>(i);
    }
  }
  return std::nullopt;
}

std::optional<Format> format_named(std::string_view name) {
  const std::string lower = ascii_lower(name);
  if (lower == "auto") {
    return Format::Auto;
  }
  if (lower == "text") {
    return Format::Text;
  }
  if (lower == "json") {
    return Format::Json;
  }
  return std::nullopt;
}

void configure(const Options& options) {
  auto made = State::make_target(options);
  State& log = state();
  log.level.store(options.level, std::memory_order_relaxed);
  const std::lock_guard lock(log.mutex);
  log.target = std::move(made);
}

void set_level(Level level) { state().level.store(level, std::memory_order_relaxed); }

bool enabled(Level level) { return level >= state().level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message, Fields fields) {
  if (!enabled(level)) {
    return;
  }
  std::shared_ptr<const Target> target;
  {
    State& log = state();
    const std::lock_guard lock(log.mutex);
    target = log.target;
  }
  const std::string line = target->format == Format::Json ? json_line(level, message, fields)
                                                          : text_line(level, message, fields);
  target->logger->log(kSpdlogLevels[static_cast<std::size_t>(level)],
                      spdlog::string_view_t(line.data(), line.size()));
}

void error(std::string_view message, const headgate::Error& cause) {
  write(Level::Error, message, {{"error", cause.message}, {"detail", cause.detail}});
}

}  // namespace headgate::observe::log
