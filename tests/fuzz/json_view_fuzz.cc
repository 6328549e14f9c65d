// JsonView: any text is read without harm, and valid JSON as Boost.JSON reads it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <boost/json.hpp>

#include "base/json_view.h"

namespace {

void check(bool good) {
  if (!good) {
    std::abort();
  }
}

void compare(const headgate::JsonView& view, const boost::json::value& value) {
  if (value.is_string()) {
    check(view.text() == std::string_view(value.get_string()));
  } else if (value.is_bool()) {
    check(view.boolean() == value.get_bool());
  } else if (value.is_int64()) {
    check(view.number().has_value());
  } else if (value.is_null()) {
    check(view.type() == headgate::JsonView::Type::Null);
  } else if (value.is_array()) {
    const auto items = view.items();
    check(items.size() == value.get_array().size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      compare(items[i], value.get_array()[i]);
    }
  } else if (value.is_object()) {
    const auto members = view.members();
    if (members.size() != value.get_object().size()) {
      return;  // repeated names, of which Boost.JSON keeps the last
    }
    std::size_t i = 0;
    for (const auto& [name, member] : value.get_object()) {
      check(members[i].name == std::string_view(name));
      check(view[members[i].name].raw() == members[i].value.raw());
      compare(members[i++].value, member);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const headgate::JsonView view(text);
  std::size_t seen = view.text().value_or("").size() + view.items().size();
  for (const headgate::JsonMember& member : view.members()) {
    seen += member.name.size() + member.value["a"].items().size();
  }
  check(seen <= 3 * size);
  boost::system::error_code ec;
  const auto value = boost::json::parse(text, ec);
  if (!ec) {
    compare(view, value);
  }
  return 0;
}
