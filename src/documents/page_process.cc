#include "documents/page_process.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <new>
#include <string_view>

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "documents/page_reader.h"
#include "documents/sandbox_probe.h"

namespace headgate::documents {
namespace {

std::string refusal(PageFailure failure) {
  return encode_answer(Refusal{.failure = failure, .figure = 0});
}

template <class Value>
std::string answer_of(const std::expected<Value, Refusal>& result) {
  return result ? encode_answer(*result) : encode_answer(result.error());
}

std::string perform(const JobMessage& job, WorkerEngines& engines, std::string_view bytes) {
  const PageLimits limits{.max_pages = engines.settings.max_pages,
                          .max_pixels = engines.settings.max_pixels};
  switch (job.op) {
    case WorkerOp::Inspect:
      return answer_of(inspect_file(bytes, limits));
    case WorkerOp::ReadPage: {
      Recognizer* const recognizer = engines.recognizer_for(job.languages);
      if (recognizer == nullptr) {
        return refusal(PageFailure::UnknownLanguage);
      }
      // A tenth is kept for handing in what was read so far.
      const auto time = std::chrono::milliseconds(job.timeout_milliseconds) * 9 / 10;
      return answer_of(read_file_page(
          bytes, job, limits, {.recognizer = *recognizer, .orientation = engines.orientation.get()},
          std::chrono::steady_clock::now() + time));
    }
    case WorkerOp::Probe:
      return encode_answer(attempt_forbidden(job.page));
  }
  return refusal(PageFailure::Unreadable);
}

std::string guarded(const JobMessage& job, WorkerEngines& engines, std::string_view bytes) {
  try {
    std::string answer = perform(job, engines, bytes);
    return answer.size() <= kMaxAnswerBytes ? answer : refusal(PageFailure::OutOfMemory);
  } catch (const std::bad_alloc&) {
    return refusal(PageFailure::OutOfMemory);
  } catch (const std::exception&) {
    return refusal(PageFailure::Unreadable);
  }
}

std::string_view map_document(int document) {
  struct stat status{};
  if (::fstat(document, &status) != 0 || status.st_size <= 0) {
    return {};
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, document, 0);
  if (mapped == MAP_FAILED) {
    return {};
  }
  return {static_cast<const char*>(mapped), size};
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) {
      return;  // nobody waits for it any more
    }
    bytes.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
  }
}

bool all_installed(const std::vector<std::string>& languages, const std::string& folder) {
  return std::all_of(languages.begin(), languages.end(), [&](const std::string& language) {
    return ::access((folder + "/" + language + ".traineddata").c_str(), R_OK) == 0;
  });
}

}  // namespace

Recognizer* WorkerEngines::recognizer_for(const std::vector<std::string>& languages) {
  constexpr std::size_t kMostSets = 4;  // some 30 MiB each
  const auto& wanted = languages.empty() ? settings.languages : languages;
  const auto found = recognizers.find(wanted);
  if (found != recognizers.end()) {
    return found->second.get();
  }
  // Asked of the first set's folder, because Tesseract complains on stderr about missing data.
  if (!recognizers.empty() && !all_installed(wanted, recognizers.begin()->second->data_folder())) {
    return nullptr;
  }
  auto loaded = Recognizer::load(wanted);
  if (!loaded) {
    return nullptr;
  }
  if (recognizers.size() >= kMostSets) {
    recognizers.erase(recognizers.begin());
  }
  return recognizers.emplace(wanted, std::move(loaded)).first->second.get();
}

void run_page_process(const JobMessage& job, WorkerEngines& engines, int document, int answer) {
  ::signal(SIGPIPE, SIG_DFL);
  ::dup2(STDIN_FILENO, STDERR_FILENO);  // the libraries' complaints quote the document
  limit_page(job.timeout_milliseconds / 1000 + 2);
  confine_system_calls(FilterLevel::Page, engines.files);
  const std::string_view bytes = map_document(document);
  write_all(answer,
            bytes.empty() ? refusal(PageFailure::Unreadable) : guarded(job, engines, bytes));
  ::_exit(0);
}

}  // namespace headgate::documents
