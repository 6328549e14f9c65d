#include "config/yaml_reader.h"

#include <exception>
#include <istream>
#include <streambuf>
#include <unordered_set>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/encoding.h"

namespace headgate::config {
namespace {

/// Leaves the parser from inside an event; caught in read_yaml.
struct Refused {
  Place place;
  std::string message;
};

class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // streambuf's interface; never written
    setg(begin, begin, begin + text.size());
  }
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view input, std::shared_ptr<const std::string> source)
      : input_(input), source_(std::move(source)) {}

  Node take() { return std::move(root_); }
  Place place_of(const YAML::Mark& mark) const {
    return {source_, static_cast<unsigned>(mark.line + 1), static_cast<unsigned>(mark.column + 1)};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      refuse(mark, "a second document; a configuration is one document");
    }
  }
  void OnDocumentEnd() override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "anchors and aliases are not supported; write the value out");
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "?", anchor);
    Node node;
    node.place = place_of(mark);
    add(mark, std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check(mark, tag, anchor);
    check_closed(mark);
    if (expects_key()) {
      set_key(mark, value);
      return;
    }
    add(mark, Node::scalar(value, place_of(mark)));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    check(mark, tag, anchor);
    open(mark, Node::list({}, place_of(mark)));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    check(mark, tag, anchor);
    open(mark, Node::map(place_of(mark)));
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    Node node;
    YAML::Mark mark;
    std::unordered_set<std::string> keys;
    std::string key;
    Place key_place;
    bool has_key = false;
  };

  [[noreturn]] void refuse(const YAML::Mark& mark, std::string message) const {
    throw Refused{place_of(mark), std::move(message)};
  }

  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) {
      refuse(mark, "anchors and aliases are not supported; write the value out");
    }
    if (!tag.empty() && tag != "?" && tag != "!") {
      refuse(mark, "tags are not supported; write the value alone");
    }
    if (++nodes_ > kMaxYamlNodes) {
      refuse(mark, "more than " + std::to_string(kMaxYamlNodes) + " values");
    }
  }

  /// yaml-cpp takes a quote that is still open on the last line, and all keys after it, as text.
  void check_closed(const YAML::Mark& mark) const {
    if (mark.pos < 0 || static_cast<std::size_t>(mark.pos) >= input_.size()) {
      return;
    }
    auto at = static_cast<std::size_t>(mark.pos);
    const char quote = input_[at];
    if (quote != '"' && quote != '\'') {
      return;
    }
    for (++at; at < input_.size(); ++at) {
      const bool doubled = quote == '\'' && input_.substr(at, 2) == "''";
      if (doubled || (quote == '"' && input_[at] == '\\')) {
        ++at;  // escaped
      } else if (input_[at] == quote) {
        return;
      }
    }
    refuse(mark, "a quote that is never closed");
  }

  bool expects_key() const {
    return !levels_.empty() && levels_.back().node.kind == Node::Kind::Map &&
           !levels_.back().has_key;
  }

  void set_key(const YAML::Mark& mark, const std::string& name) {
    Level& level = levels_.back();
    if (!level.keys.insert(name).second) {
      const Place first = first_place(level.node, name);
      refuse(mark, "the key \"" + name + "\" is already set on line " + std::to_string(first.line));
    }
    level.key = name;
    level.key_place = place_of(mark);
    level.has_key = true;
  }

  static Place first_place(const Node& map, std::string_view name) {
    for (const Field& field : map.fields) {
      if (field.name == name) {
        return field.place;
      }
    }
    return map.place;
  }

  void open(const YAML::Mark& mark, Node node) {
    if (expects_key()) {
      refuse(mark, "a key must be a plain text");
    }
    if (levels_.size() >= kMaxYamlDepth) {
      refuse(mark, "nested deeper than " + std::to_string(kMaxYamlDepth) + " levels");
    }
    levels_.push_back({std::move(node), mark, {}, {}, {}, false});
  }

  void close() {
    Node node = std::move(levels_.back().node);
    const YAML::Mark mark = levels_.back().mark;
    levels_.pop_back();
    add(mark, std::move(node));
  }

  void add(const YAML::Mark& mark, Node node) {
    if (levels_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& level = levels_.back();
    if (level.node.kind == Node::Kind::List) {
      level.node.items.push_back(std::move(node));
      return;
    }
    if (!level.has_key) {
      refuse(mark, "a key must be a plain text");
    }
    level.node.fields.push_back({std::move(level.key), level.key_place, std::move(node)});
    level.has_key = false;
  }

  std::string_view input_;
  std::shared_ptr<const std::string> source_;
  Node root_;
  std::vector<Level> levels_;
  std::size_t nodes_ = 0;
  unsigned documents_ = 0;
};

}  // namespace

Result<Node> read_yaml(std::string_view text, std::string source) {
  if (text.size() > kMaxYamlBytes) {
    return fail(invalid_request(source + ": larger than 1 MiB"));
  }
  if (!is_utf8(text) || text.contains('\0')) {
    return fail(invalid_request(source + ": not UTF-8 text"));
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  TreeBuilder builder(text, std::make_shared<const std::string>(std::move(source)));
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refused& refused) {
    return fail(invalid_request(refused.place.text() + ": " + refused.message));
  } catch (const YAML::Exception& error) {
    return fail(invalid_request(builder.place_of(error.mark).text() + ": " + error.msg));
  } catch (const std::exception& error) {
    return fail(invalid_request(builder.place_of({}).text() + ": " + error.what()));
  }
  return builder.take();
}

}  // namespace headgate::config
