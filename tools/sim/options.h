#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "sim/behaviour.h"

namespace headgate::sim {

struct Options {
  Behaviour behaviour;  ///< of every model, before its name changes it
  /// Names of --model with their parameters, on top of `behaviour`.
  std::map<std::string, std::string, std::less<>> models;
  std::uint16_t port = 9100;
  std::string require_key;  ///< empty: no key is asked for
  std::string tls_certificate;
  std::string tls_key;
  std::size_t log_size = 1000;
  std::size_t keep_body = std::size_t{1} << 20;  ///< largest body that `echo` can show
  bool hash_bodies = false;
  bool exit_with_parent = false;
  std::chrono::microseconds exit_after{0};  ///< 0: never
};

/// Reads the command line. A string is the error.
std::variant<Options, std::string> parse_options(int count, const char* const* arguments);

/// What `--help` prints.
std::string help_text();

}  // namespace headgate::sim
