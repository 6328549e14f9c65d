#include "documents/understand_text.h"

#include <algorithm>
#include <array>

namespace headgate::documents {

namespace {

// U+00C0..U+00FF and U+0100..U+017F without their accents; '\0' drops the character.
constexpr char kLatin1[] = "aaaaaaaceeeeiiiidnooooo\0ouuuuypsaaaaaaaceeeeiiiidnooooo\0ouuuuypy";
constexpr std::string_view kExtendedA =
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooo"
    "rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

void append_folded(std::string& out, unsigned code) {
  if (code == 0xDF) {
    out.append("ss");
  } else if (code == 0xC6 || code == 0xE6) {
    out.append("ae");
  } else if (code == 0x152 || code == 0x153) {
    out.append("oe");
  } else if (code >= 0xC0 && code <= 0xFF) {
    if (const char letter = kLatin1[code - 0xC0]; letter != '\0') {
      out.push_back(letter);
    }
  } else if (code >= 0x100 && code - 0x100 < kExtendedA.size()) {
    out.push_back(kExtendedA[code - 0x100]);
  }
}

bool is_mark(char c) { return std::string_view("|:;,.-_=~*'`\"[]{}<>\\ \t").contains(c); }

}  // namespace

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string fold(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      if (c >= 'A' && c <= 'Z') {
        out.push_back(static_cast<char>(c + 32));
      } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
        out.push_back(static_cast<char>(c));
      }
    } else if (c >= 0xC3 && c <= 0xC5 && i + 1 < text.size()) {
      const auto next = static_cast<unsigned char>(text[++i]);
      append_folded(out, (static_cast<unsigned>(c & 0x1F) << 6) | (next & 0x3F));
    } else if (c == 0xC2 && i + 1 < text.size()) {
      ++i;  // Latin-1 signs: no letters
    } else if (c == 0xE2 && i + 2 < text.size()) {
      i += 2;  // punctuation, currency and other signs
    } else {
      out.push_back(static_cast<char>(c));
    }
  }
  return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  constexpr std::size_t kMax = 96;  // longer texts are compared by their beginning
  a = a.substr(0, kMax);
  b = b.substr(0, kMax);
  if (a.size() > b.size()) {
    std::swap(a, b);
  }
  if (b.size() - a.size() > limit) {
    return limit + 1;
  }
  std::array<std::size_t, kMax + 1> row;
  for (std::size_t j = 0; j <= a.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= b.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    std::size_t best = i;
    for (std::size_t j = 1; j <= a.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[j - 1] == b[i - 1] ? 0 : 1)});
      diagonal = above;
      best = std::min(best, row[j]);
    }
    if (best > limit) {
      return limit + 1;
    }
  }
  return std::min(row[a.size()], limit + 1);
}

bool alike(std::string_view a, std::string_view b) {
  if (a == b) {
    return true;
  }
  const std::size_t shorter = std::min(a.size(), b.size());
  const std::size_t limit = shorter < 5 ? 0 : shorter < 10 ? 1 : shorter < 18 ? 2 : 3;
  return limit > 0 && edit_distance(a, b, limit) <= limit;
}

std::size_t count_digits(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, is_digit));
}

std::size_t count_letters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return is_letter(c) || (c & 0xC0) == 0xC0; }));
}

std::string only_digits(std::string_view text) {
  std::string out;
  std::ranges::copy_if(text, std::back_inserter(out), is_digit);
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') {
    text.remove_suffix(1);
  }
  return text;
}

std::string_view trim_marks(std::string_view text) {
  while (!text.empty() && is_mark(text.front())) {
    text.remove_prefix(1);
  }
  // A final full stop may belong to "Inc." and the like.
  while (!text.empty() && is_mark(text.back()) &&
         !(text.back() == '.' && text.size() > 1 && is_letter(text[text.size() - 2]))) {
    text.remove_suffix(1);
  }
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

std::string_view clip(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) {
    return text;
  }
  while (max_bytes > 0 && (text[max_bytes] & 0xC0) == 0x80) {
    --max_bytes;
  }
  return text.substr(0, max_bytes);
}

}  // namespace headgate::documents
