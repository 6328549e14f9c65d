#include "config/load.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include <unistd.h>

#include "config/checks.h"
#include "config/decode.h"
#include "config/listen_address.h"
#include "config/nearest.h"
#include "config/options.h"
#include "config/replaced_names.h"
#include "config/yaml_reader.h"

namespace headgate::config {
namespace {

constexpr std::string_view kPrefix = "HEADGATE_";

// Read by the program itself, or set by Kubernetes for a service called headgate.
constexpr std::string_view kOtherNames[] = {"HEADGATE_CONFIG", "HEADGATE_PORT"};
constexpr std::string_view kServicePrefixes[] = {"HEADGATE_SERVICE_", "HEADGATE_PORT_"};

/// What there is when nothing is configured: the documents are read by the embedded engine.
constexpr std::string_view kDefaults = R"(
limits:
  tiers:
    default: { per_minute: 60, burst: 10 }
    free: { per_minute: 10, per_hour: 100, concurrent: 2 }
    pro: { per_minute: 100, per_hour: 1000, concurrent: 10 }
    enterprise: { per_minute: 1000, per_hour: 10000, concurrent: 50 }
providers:
  embedded: { protocol: embedded }
models:
  document-classifier: { kind: classify, targets: [{ provider: embedded }] }
  document-extractor: { kind: extract, targets: [{ provider: embedded }] }
  document-ocr: { kind: ocr, targets: [{ provider: embedded }] }
)";

void forget_places(Node& node) {
  node.place = {};
  for (Node& item : node.items) {
    forget_places(item);
  }
  for (Field& field : node.fields) {
    field.place = {};
    forget_places(field.value);
  }
}

bool takes_list(const Option& option) {
  return option.type == Type::TextList || option.type == Type::SecretList ||
         option.type == Type::Scopes;
}

/// A value given outside the file: as it is, or a list `a,b` or `[a, b]`, or YAML for a section.
Result<Node> outside_value(const Located& located, std::string_view text, const Place& place) {
  const bool yaml =
      located.option == nullptr || (takes_list(*located.option) && text.starts_with('['));
  if (yaml) {
    auto node = read_yaml(text, *place.source);
    if (node) {
      forget_places(*node);
      node->place = place;
    }
    return node;
  }
  if (!takes_list(*located.option)) {
    return Node::scalar(std::string(text), place);
  }
  std::vector<Node> items;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    auto item = text.substr(0, comma);
    const auto first = item.find_first_not_of(' ');
    if (first != std::string_view::npos) {
      item = item.substr(first, item.find_last_not_of(' ') - first + 1);
      items.push_back(Node::scalar(std::string(item), place));
    }
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return Node::list(std::move(items), place);
}

class Loader {
 public:
  explicit Loader(const LoadRequest& request) : request_(request) {}

  Result<LoadedConfig> run(std::optional<std::string_view> text, std::string name) {
    auto defaults = read_yaml(kDefaults, "built-in defaults");
    if (!defaults) {
      return fail(defaults.error());
    }
    tree_ = std::move(*defaults);
    forget_places(tree_);
    if (text) {
      if (auto read = file(*text, std::move(name)); !read) {
        return fail(read.error());
      }
    }
    const ReplacedContext context{.models_configured = models_configured_,
                                  .listen_configured = listen_is_set_outside()};
    auto warnings = apply_replaced_names(request_.environment, context, tree_, problems_);
    append(loaded_.warnings, warnings);
    environment();
    overrides();
    if (problems_.empty()) {
      decode(tree_, loaded_.settings, problems_);
    }
    return finish();
  }

 private:
  static void append(std::vector<std::string>& to, std::vector<std::string>& from) {
    std::ranges::move(from, std::back_inserter(to));
  }

  Result<void> file(std::string_view text, std::string name) {
    auto read = read_yaml(text, std::move(name));
    if (!read) {
      return fail(read.error());
    }
    Expansion expansion = expand(*read, request_.environment);
    append(problems_, expansion.problems);
    used_names_ = std::move(expansion.names);
    const Node* models = read->find("models");
    models_configured_ = models != nullptr && !models->fields.empty();
    if (read->kind != Node::Kind::Null && read->kind != Node::Kind::Map) {
      return fail(invalid_request(read->place.text() + ": expected a map of options"));
    }
    merge(tree_, std::move(*read));
    return {};
  }

  bool listen_is_set_outside() const {
    const auto found = request_.environment.find("HEADGATE_SERVER_LISTEN");
    return (found != request_.environment.end() && !found->second.empty()) ||
           std::ranges::any_of(request_.overrides, [](const std::string& text) {
             return text.starts_with("server.listen=");
           });
  }

  void environment() {
    std::map<std::string, std::string> paths;  // environment name -> option path
    collect(root_section(), tree_, "", paths);
    for (auto at = request_.environment.lower_bound(kPrefix);
         at != request_.environment.end() && at->first.starts_with(kPrefix); ++at) {
      const auto path = paths.find(at->first);
      if (path == paths.end()) {
        unknown_name(at->first, paths);
      } else if (!at->second.empty()) {
        set(path->second, at->second, "environment variable " + at->first);
      }
    }
  }

  /// The environment names of all options, those of the entries that exist included.
  void collect(const Section& section, const Node& node, const std::string& prefix,
               std::map<std::string, std::string>& paths) {
    for (const Option& option : section.options) {
      const std::string path = prefix + std::string(option.name);
      paths.emplace(environment_name(path), path);
      if (!option.other_environment.empty()) {
        paths.emplace(option.other_environment, path);
      }
    }
    static const Node nothing;
    for (const Section& child : section.sections) {
      const Node* value = node.find(child.name);
      const Node& inside = value != nullptr ? *value : nothing;
      const std::string path = prefix + std::string(child.name) + ".";
      if (child.shape == Shape::One) {
        collect(child, inside, path, paths);
      } else if (child.shape == Shape::Named) {
        for (const Field& field : inside.fields) {
          collect(child, field.value, path + field.name + ".", paths);
        }
      }
    }
  }

  void unknown_name(const std::string& name, const std::map<std::string, std::string>& paths) {
    const bool foreign = std::ranges::count(kOtherNames, name) > 0 || used_names_.contains(name) ||
                         std::ranges::any_of(kServicePrefixes, [&](std::string_view prefix) {
                           return name.starts_with(prefix);
                         });
    if (foreign) {
      return;
    }
    std::vector<std::string> known;
    known.reserve(paths.size());
    for (const auto& [candidate, path] : paths) {
      known.push_back(candidate);
    }
    loaded_.warnings.push_back("environment variable " + name +
                               " names no option and has no effect; the nearest is " +
                               nearest(name, known));
  }

  void overrides() {
    for (const std::string& text : request_.overrides) {
      const auto equals = text.find('=');
      if (equals == std::string::npos) {
        problems_.push_back("--set " + text + ": write --set path=value");
        continue;
      }
      const std::string path = text.substr(0, equals);
      set(path, text.substr(equals + 1), "--set " + path);
    }
  }

  void set(const std::string& path, std::string_view value, std::string source) {
    const Place place{std::make_shared<const std::string>(std::move(source)), 0, 0};
    const auto located = locate(path);
    if (!located) {
      problems_.push_back(place.text() + ": no option \"" + path + "\"; the nearest is \"" +
                          nearest(path, option_paths()) + "\"");
      return;
    }
    auto node = outside_value(*located, value, place);
    if (!node) {
      problems_.push_back(node.error().message);
      return;
    }
    Node* target = &tree_;
    for (const std::string& part : located->path) {
      if (target->kind != Node::Kind::Map && target->kind != Node::Kind::Null) {
        problems_.push_back(target->place.text() + ": expected a map of options at " + path);
        return;
      }
      target = &target->at(part);
    }
    *target = std::move(*node);
  }

  Result<LoadedConfig> finish() {
    if (problems_.empty()) {
      CheckResult checked = check_settings(loaded_.settings);
      append(problems_, checked.problems);
      append(loaded_.warnings, checked.warnings);
    }
    if (!problems_.empty()) {
      std::string message;
      for (const std::string& problem : problems_) {
        message.append(message.empty() ? "" : "\n").append(problem);
      }
      return fail(invalid_request(std::move(message)));
    }
    complete(loaded_.settings);
    return std::move(loaded_);
  }

  static void complete(Settings& settings) {
    for (std::string& text : settings.server.listen) {
      text = ListenAddress::parse(text)->text();
    }
    if (!settings.server.admin_listen.empty()) {
      settings.server.admin_listen = ListenAddress::parse(settings.server.admin_listen)->text();
    }
    for (ProviderSettings& provider : settings.providers) {
      while (provider.base_url.ends_with('/')) {
        provider.base_url.pop_back();
      }
    }
  }

  const LoadRequest& request_;
  Node tree_;
  LoadedConfig loaded_;
  Problems problems_;
  std::set<std::string> used_names_;
  bool models_configured_ = false;
};

Result<std::string> read_file(const std::string& name) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(name, error)) {
    return fail(invalid_request(name + ": no such file"));
  }
  std::ifstream stream(name, std::ios::binary);
  std::string text(kMaxYamlBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.eof() && stream.fail()) {
    return fail(invalid_request(name + ": cannot be read"));
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

}  // namespace

Result<LoadedConfig> load(const LoadRequest& request) {
  if (!request.file) {
    return Loader(request).run(std::nullopt, {});
  }
  const auto text = read_file(*request.file);
  if (!text) {
    return fail(text.error());
  }
  return Loader(request).run(*text, *request.file);
}

Result<LoadedConfig> load_text(std::string_view text, std::string name,
                               const LoadRequest& request) {
  return Loader(request).run(text, std::move(name));
}

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) {
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return environment;
}

std::optional<std::string> default_file() {
  for (const char* name : {"headgate.yaml", "/etc/headgate/headgate.yaml"}) {
    std::error_code error;
    if (std::filesystem::exists(name, error)) {
      return name;
    }
  }
  return std::nullopt;
}

std::string sqlite_path(const Settings& settings) {
  constexpr std::string_view kScheme = "sqlite:";
  std::string_view path = settings.store_url;
  path = path.starts_with(kScheme) ? path.substr(kScheme.size()) : std::string_view{};
  if (path.starts_with("///")) {
    path.remove_prefix(3);
  } else if (path.starts_with("//")) {
    path.remove_prefix(2);
  }
  return path.empty() ? settings.data_dir + "/headgate.db" : std::string(path);
}

}  // namespace headgate::config
