#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::documents {

/// `text` for comparing: lower case, Latin accents removed, only letters, digits and bytes of other
/// scripts kept. "Rechnungs-Nr.:" becomes "rechnungsnr".
std::string fold(std::string_view text);

/// Number of single-character edits between two byte strings, or `limit` + 1 if there are more.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

/// Equal, or differing by no more than a misread letter or two in a longer word. Both folded.
bool alike(std::string_view a, std::string_view b);

bool is_digit(char c);
bool is_letter(char c);
/// Number of ASCII digits.
std::size_t count_digits(std::string_view text);
/// Number of ASCII letters and bytes of other letters.
std::size_t count_letters(std::string_view text);
std::string only_digits(std::string_view text);
std::string_view trim(std::string_view text);
/// Without the rulings, colons and stray marks OCR leaves at the ends of a text.
std::string_view trim_marks(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
/// True if `words` holds `word`.
template <class Words>
bool one_of(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != std::ranges::end(words);
}
/// At most `max_bytes` of `text`, cut between UTF-8 characters.
std::string_view clip(std::string_view text, std::size_t max_bytes);

}  // namespace headgate::documents
