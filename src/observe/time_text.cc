#include "observe/time_text.h"

#include <string>

#include "base/encoding.h"

namespace headgate::observe {

void TimeText::add(TextBuffer& out, std::int64_t unix_milliseconds) {
  const std::int64_t second = unix_milliseconds / 1000;
  if (second != second_) {
    rfc3339(second * 1000).copy(text_, kLength);
    second_ = second;
  }
  const auto rest = static_cast<int>(unix_milliseconds % 1000);
  text_[20] = static_cast<char>('0' + rest / 100);
  text_[21] = static_cast<char>('0' + rest / 10 % 10);
  text_[22] = static_cast<char>('0' + rest % 10);
  out.add(std::string_view(text_, kLength));
}

}  // namespace headgate::observe
