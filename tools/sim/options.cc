#include "sim/options.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "sim/text.h"

namespace headgate::sim {
namespace {

constexpr std::size_t kHelpColumn = 32;

struct Option {
  std::string_view name;
  std::string_view argument;
  std::string_view help;
  bool (*apply)(Options& options, std::string_view value);
};

template <typename Value, typename Target>
bool set(Target& target, std::optional<Value> value) {
  if (value) {
    target = static_cast<Target>(*value);
  }
  return value.has_value();
}

bool add_model(Options& options, std::string_view value) {
  std::size_t equals = value.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return false;
  }
  std::string_view joined = value.substr(equals + 1);
  options.models.insert_or_assign(std::string(value.substr(0, equals)), std::string(joined));
  Behaviour scratch;
  return !apply_parameters(scratch, joined);
}

constexpr Option kOptions[] = {
    {"port", "N", "port on 127.0.0.1 (9100); 0: a free one, printed as the first line",
     [](Options& o, std::string_view v) { return set(o.port, parse_count(v, 65535)); }},
    {"require-key", "KEY",
     "refuse requests without this key, in whichever field their protocol has",
     [](Options& o, std::string_view v) { return !(o.require_key = v).empty(); }},
    {"tls-certificate", "FILE", "serve TLS with this PEM chain",
     [](Options& o, std::string_view v) { return !(o.tls_certificate = v).empty(); }},
    {"tls-key", "FILE", "and this PEM key",
     [](Options& o, std::string_view v) { return !(o.tls_key = v).empty(); }},
    {"model", "NAME=PARAMETERS", "a further name and its parameters: gpt-x=tokens=64:tps=1000",
     add_model},
    {"log-size", "N", "requests that /sim/log remembers (1000)",
     [](Options& o, std::string_view v) { return set(o.log_size, parse_count(v, 100'000)); }},
    {"keep-body", "SIZE", "largest request body that `echo` can show (1MiB)",
     [](Options& o, std::string_view v) { return set(o.keep_body, parse_size(v)); }},
    {"hash-bodies", "", "log the SHA-256 of each request body",
     [](Options& o, std::string_view) { return o.hash_bodies = true; }},
    {"exit-with-parent", "", "end when the process that started this one ends",
     [](Options& o, std::string_view) { return o.exit_with_parent = true; }},
    {"exit-after", "DURATION", "end after this time",
     [](Options& o, std::string_view v) { return set(o.exit_after, parse_duration(v)); }},
};

void append_row(std::string& out, std::string_view dashes, std::string_view name,
                std::string_view glue, std::string_view argument, std::string_view help) {
  std::string left = "  " + std::string(dashes) + std::string(name);
  if (!argument.empty()) {
    left += std::string(glue) + std::string(argument);
  }
  left.resize(std::max(left.size() + 1, kHelpColumn), ' ');
  out += left + std::string(help) + "\n";
}

}  // namespace

std::variant<Options, std::string> parse_options(int count, const char* const* arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    std::string_view word = arguments[i];
    if (!word.starts_with("--")) {
      return "what is '" + std::string(word) + "'?";
    }
    word.remove_prefix(2);
    std::optional<std::string_view> value;
    if (std::size_t equals = word.find('='); equals != std::string_view::npos) {
      value = word.substr(equals + 1);
      word = word.substr(0, equals);
    }
    const auto* own = std::find_if(std::begin(kOptions), std::end(kOptions),
                                   [&](const Option& option) { return option.name == word; });
    bool is_own = own != std::end(kOptions);
    bool needs_value = is_own && !own->argument.empty();
    for (const Parameter& parameter : parameters()) {
      if (!is_own && (parameter.name == word || parameter.alias == word)) {
        needs_value = !parameter.argument.empty() && parameter.argument.front() != '[';
      }
    }
    if (needs_value && !value && i + 1 < count) {
      value = arguments[++i];
    }
    if (!is_own) {
      if (auto error = apply_parameter(options.behaviour, word, value)) {
        return *error;
      }
    } else if (needs_value != value.has_value() || !own->apply(options, value.value_or(""))) {
      return "--" + std::string(word) + " needs " +
             (needs_value ? std::string(own->argument) : std::string("no value"));
    }
  }
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return std::string("--tls-certificate and --tls-key belong together");
  }
  return options;
}

std::string help_text() {
  std::string text =
      "headgate-sim: a model server that speaks like OpenAI, Anthropic, Gemini and RunPod, for "
      "tests\nand benchmarks.\n\n"
      "Usage: headgate-sim [--port N] [options]\n\n"
      "Options (DURATION: 300us, 50ms, 3s, 2m; SIZE: 16384, 16KiB, 4MiB):\n";
  for (const Option& option : kOptions) {
    append_row(text, "--", option.name, " ", option.argument, option.help);
  }
  text += "  --help\n\n";
  text +=
      "Parameters, as an option for every model (--latency 50ms) or in one model's name, joined "
      "by\n"
      "colons (sim:latency=50ms:tokens=200). Names that are not `sim` or `sim-…` are served as "
      "they\n"
      "are. Events are counted from 1: the role chunk, the content, the finish, the usage. Without "
      "a\n"
      "stream, `cut`, `stall` and `malformed` strike in the middle of the body and `error-event` "
      "is\n"
      "a 500.\n\n";
  for (const Parameter& parameter : parameters()) {
    std::string help(parameter.help);
    if (!parameter.alias.empty()) {
      help += "; also `" + std::string(parameter.alias) + "`";
    }
    append_row(text, "", parameter.name, "=", parameter.argument, help);
  }
  text +=
      "\nWhat reached it: GET /sim/log (counters and the last requests), DELETE /sim/log (forget "
      "them),\n"
      "GET /sim/stats (connections, requests in flight, requests given up by their client), GET "
      "/sim/jobs.\n"
      "To change it while it runs: POST /sim/down, /sim/up, /sim/model, /sim/key.\n";
  return text;
}

}  // namespace headgate::sim
