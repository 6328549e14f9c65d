#include "documents/page_error.h"

#include <string>

#include <signal.h>
#include <string.h>

#include "documents/inspection.h"

namespace headgate::documents {
namespace {

Error refuse(ErrorKind kind, std::string message, std::string code) {
  Error error;
  error.kind = kind;
  error.origin = Origin::Client;
  error.message = std::move(message);
  error.code = std::move(code);
  return error;
}

Error killed(const std::string& cause, std::string message) {
  Error error = refuse(ErrorKind::Unprocessable, std::move(message), "page_failed");
  error.detail = "sandbox_killed:" + cause;
  error.details_json = R"({"cause":"sandbox_killed:)" + cause + "\"}";
  return error;
}

constexpr const char* kTypes = "PNG, JPEG, WebP, BMP, TIFF or PDF";

}  // namespace

Error error_of(PageFailure failure, std::uint64_t figure) {
  switch (failure) {
    case PageFailure::Unreadable:
      return refuse(ErrorKind::InvalidRequest, "The file is damaged and cannot be read.",
                    "unreadable_file");
    case PageFailure::UnknownType:
      return refuse(ErrorKind::InvalidRequest,
                    std::string("The file is not a ") + kTypes + " document.", "unreadable_file");
    case PageFailure::UnsupportedType:
      return refuse(ErrorKind::Unsupported,
                    std::string(name_of(static_cast<FileType>(figure))) +
                        " files are not supported; send " + kTypes + ".",
                    "unsupported_file_type");
    case PageFailure::PasswordRequired:
      return refuse(ErrorKind::InvalidRequest,
                    "The PDF is encrypted and needs a password; send it without one.",
                    "password_required");
    case PageFailure::NoPages:
      return refuse(ErrorKind::InvalidRequest, "The document has no pages.", "unreadable_file");
    case PageFailure::TooManyPages:
      return refuse(
          ErrorKind::TooLarge,
          "The document has more than " + std::to_string(figure) + " pages (documents.max_pages).",
          "too_many_pages");
    case PageFailure::TooManyPixels:
      return refuse(
          ErrorKind::TooLarge,
          "A page has more than " + std::to_string(figure) + " pixels (documents.max_pixels).",
          "too_many_pixels");
    case PageFailure::NoSuchPage:
      return refuse(ErrorKind::InvalidRequest, "The document has no such page.", "no_such_page");
    case PageFailure::OutOfMemory:
      return killed("memory", "The page needs more memory than is allowed for one page.");
    case PageFailure::UnknownLanguage:
      return refuse(ErrorKind::InvalidRequest,
                    "No language data is installed for a language that was asked for.",
                    "unknown_language");
  }
  return internal_error("a worker sent an unknown failure");
}

Error sandbox_killed(int signal) {
  const char* const name = ::sigabbrev_np(signal);
  const std::string cause = name != nullptr ? std::string("SIG") + name : std::to_string(signal);
  return killed(cause, "The page could not be read: its content makes the reader fail.");
}

}  // namespace headgate::documents
