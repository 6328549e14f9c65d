#include "config/options.h"

namespace headgate::config {
namespace {

std::optional<Located> locate_in(const Section& section, std::string_view path);

/// Of "NAME.kind" the NAME may hold dots, so the longest option path that fits wins.
std::optional<Located> locate_named(const Section& section, std::string_view path) {
  for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.', dot + 1)) {
    auto found = locate_in(section, path.substr(dot + 1));
    if (found && dot > 0) {
      found->path.insert(found->path.begin(), std::string(path.substr(0, dot)));
      return found;
    }
  }
  return std::nullopt;
}

std::optional<Located> locate_in(const Section& section, std::string_view path) {
  for (const Option& option : section.options) {
    if (option.name == path) {
      return Located{{std::string(path)}, &option, &section};
    }
  }
  for (const Section& child : section.sections) {
    if (!path.starts_with(child.name)) {
      continue;
    }
    const auto rest = path.substr(child.name.size());
    if (rest.empty()) {
      return Located{{std::string(child.name)}, nullptr, &child};
    }
    if (!rest.starts_with('.') || child.shape == Shape::Listed) {
      continue;
    }
    auto found = child.shape == Shape::Named ? locate_named(child, rest.substr(1))
                                             : locate_in(child, rest.substr(1));
    if (found) {
      found->path.insert(found->path.begin(), std::string(child.name));
      return found;
    }
  }
  return std::nullopt;
}

void collect_paths(const Section& section, const std::string& prefix,
                   std::vector<std::string>& paths) {
  for (const Option& option : section.options) {
    paths.push_back(prefix + std::string(option.name));
  }
  for (const Section& child : section.sections) {
    std::string path = prefix + std::string(child.name);
    if (child.shape == Shape::Listed) {
      path.append("[]");
    }
    path.push_back('.');
    if (child.shape == Shape::Named) {
      path.append("NAME.");
    }
    collect_paths(child, path, paths);
  }
}

}  // namespace

std::string environment_name(std::string_view path) {
  std::string name = "HEADGATE_";
  for (const char c : path) {
    if (c >= 'a' && c <= 'z') {
      name.push_back(static_cast<char>(c - 'a' + 'A'));
    } else if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
      name.push_back(c);
    } else {
      name.push_back('_');
    }
  }
  return name;
}

std::optional<Located> locate(std::string_view path) { return locate_in(root_section(), path); }

std::vector<std::string> option_paths() {
  std::vector<std::string> paths;
  collect_paths(root_section(), "", paths);
  return paths;
}

}  // namespace headgate::config
