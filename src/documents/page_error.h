#pragma once

#include <cstdint>

#include "base/error.h"

namespace headgate::documents {

/// Why a worker refuses a file or page. The worker sends this and one figure; the text that a
/// client sees is made on our side of the fence.
enum class PageFailure : std::uint8_t {
  Unreadable = 1,    ///< damaged beyond reading
  UnknownType,       ///< none of the types we know
  UnsupportedType,   ///< known but not taken; figure: FileType
  PasswordRequired,  ///< an encrypted PDF that an empty password does not open
  NoPages,
  TooManyPages,   ///< figure: the limit
  TooManyPixels,  ///< figure: the limit
  NoSuchPage,
  OutOfMemory,
  UnknownLanguage,  ///< no Tesseract data for it
};
inline constexpr std::uint8_t kLastPageFailure =
    static_cast<std::uint8_t>(PageFailure::UnknownLanguage);

/// The error that `failure` means to the client.
Error error_of(PageFailure failure, std::uint64_t figure);

/// A page process ended by a signal or a limit: `page_failed`, cause in `detail`.
Error sandbox_killed(int signal);

}  // namespace headgate::documents
