#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <type_traits>
#include <variant>

#include "base/error.h"

/// The general log: start, stop, reloads, faults. One event is one line; on a terminal text,
/// elsewhere JSON. Safe from any thread; a reader that does not keep up loses lines rather than
/// holding the caller. Never pass a key, a prompt, a document or a query string.
namespace headgate::observe::log {

enum class Level : std::uint8_t { Trace, Debug, Info, Warning, Error };
enum class Format : std::uint8_t { Auto, Text, Json };

/// "trace", "debug", "info", "warning" (or "warn"), "error"; any case.
std::optional<Level> level_named(std::string_view name);
/// "auto", "text", "json"; any case.
std::optional<Format> format_named(std::string_view name);

struct Options {
  Level level = Level::Info;
  Format format = Format::Auto;
  int fd = 2;  ///< stderr
};

/// Replaces destination, format and level. Before the first call: Info, Auto, stderr. Safe from any
/// thread.
void configure(const Options& options);
/// Changes the level only.
void set_level(Level level);
bool enabled(Level level);

/// A named value of an event. Borrows its texts until the call ends.
struct Field {
  Field(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
  Field(std::string_view field_key, const char* text)
      : key(field_key), value(std::string_view(text)) {}
  Field(std::string_view field_key, double number) : key(field_key), value(number) {}
  template <std::integral Number>
  Field(std::string_view field_key, Number number) : key(field_key), value(std::int64_t{0}) {
    if constexpr (std::same_as<Number, bool>) {
      value = number;
    } else if constexpr (std::unsigned_integral<Number>) {
      value = static_cast<std::uint64_t>(number);
    } else {
      value = static_cast<std::int64_t>(number);
    }
  }

  std::string_view key;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;
};

using Fields = std::initializer_list<Field>;

void write(Level level, std::string_view message, Fields fields = {});

inline void trace(std::string_view message, Fields fields = {}) {
  write(Level::Trace, message, fields);
}
inline void debug(std::string_view message, Fields fields = {}) {
  write(Level::Debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::Info, message, fields);
}
inline void warning(std::string_view message, Fields fields = {}) {
  write(Level::Warning, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::Error, message, fields);
}
/// As error(), with the fields `error` (its message) and `detail` of `cause`.
void error(std::string_view message, const headgate::Error& cause);

}  // namespace headgate::observe::log
