#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/settings.h"

namespace headgate::config {

enum class Type : std::uint8_t {
  Text,
  Url,        ///< a password inside is masked when shown
  Switch,     ///< true or false
  Count,      ///< a whole number
  AutoCount,  ///< a whole number or `auto`, which is 0
  Number,     ///< with a fraction
  Duration,
  Size,
  TextList,  ///< a list, or one text alone
  Secret,
  SecretList,
  Scopes,
};

/// What a changed value needs to take effect.
enum class Reload : std::uint8_t { Live, Restart };

/// Whether this version acts on an option, or only accepts and checks it for a later one.
enum class Use : std::uint8_t { Now, Later };

/// The place of an option's value in its settings structure.
using Slot =
    std::variant<std::string*, bool*, unsigned*, std::uint64_t*, double*, Milliseconds*,
                 std::vector<std::string>*, Secret*, std::vector<Secret>*, model::ScopeSet*>;

/// What is wrong with one text of an option, or nothing.
using TextCheck = std::optional<std::string> (*)(std::string_view text);

/// One row of the option table.
struct Option {
  std::string_view name;
  Type type = Type::Text;
  Reload reload = Reload::Restart;
  Use use = Use::Now;
  std::string_view help;
  Slot (*slot)(void* owner) = nullptr;  ///< owner: the structure of the row's section
  double minimum = 0;                   ///< of Count, Number; milliseconds, bytes
  double maximum = 0;                   ///< 0: no bound but the type's
  std::span<const std::string_view> allowed{};
  TextCheck check = nullptr;
  std::string_view other_environment{};  ///< a second environment name
};

/// One named or numbered structure of a section, for walking.
struct Entry {
  std::string name;
  void* owner = nullptr;
};

enum class Shape : std::uint8_t {
  One,     ///< a map of options
  Named,   ///< a map from names to maps of options
  Listed,  ///< a list of maps of options
};

/// A group of options, nested as the YAML is.
struct Section {
  std::string_view name;
  std::string_view help;
  Shape shape = Shape::One;
  std::span<const Option> options{};
  std::span<const Section> sections{};
  /// One: the structure that holds the options, given the parent's.
  void* (*enter)(void* owner) = nullptr;
  /// Named, Listed: a fresh structure called `name`, valid until the next one is added.
  void* (*add)(void* owner, const std::string& name) = nullptr;
  /// Named, Listed: all structures in order.
  std::vector<Entry> (*entries)(void* owner) = nullptr;
};

/// The whole table; its owner is a Settings.
const Section& root_section();

/// HEADGATE_ and the path in capitals, every other character as '_'.
std::string environment_name(std::string_view path);

/// Where an option is in the tree of what was written.
struct Located {
  std::vector<std::string> path;
  const Option* option = nullptr;    ///< null: a whole section
  const Section* section = nullptr;  ///< the section it is, or that holds it
};

/// Finds "server.listen", "models.NAME.kind" (a NAME may hold dots), or a section by its path.
std::optional<Located> locate(std::string_view path);

/// Every path of the table, with NAME and [] where names and numbers stand.
std::vector<std::string> option_paths();

}  // namespace headgate::config
