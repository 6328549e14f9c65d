#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim/options.h"
#include "sim/server.h"
#include "sim/transport.h"

namespace {

volatile std::sig_atomic_t stop_signal = 0;  // set by the signal handler, which can reach no object

int fail(const std::string& message) {
  std::fprintf(stderr, "headgate-sim: %s (see --help)\n", message.c_str());
  return 2;
}

void prepare_process(const headgate::sim::Options& options, pid_t parent) {
  std::signal(SIGPIPE, SIG_IGN);
  for (int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int number) { stop_signal = number; });
  }
  if (options.exit_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    stop_signal = ::getppid() == parent ? 0 : SIGTERM;
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, 65536);
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

}  // namespace

int main(int count, char** arguments) {
  using namespace headgate::sim;
  pid_t parent = ::getppid();
  for (int i = 1; i < count; ++i) {
    if (std::string_view(arguments[i]) == "--help") {
      std::fputs(help_text().c_str(), stdout);
      return 0;
    }
  }
  auto parsed = parse_options(count, arguments);
  if (auto* error = std::get_if<std::string>(&parsed)) {
    return fail(*error);
  }
  const Options options = std::get<Options>(std::move(parsed));
  TlsContext tls;
  if (!options.tls_certificate.empty()) {
    auto loaded = load_tls(options.tls_certificate, options.tls_key);
    if (auto* error = std::get_if<std::string>(&loaded)) {
      return fail(*error);
    }
    tls = std::get<TlsContext>(std::move(loaded));
  }
  prepare_process(options, parent);
  Server server(options, std::move(tls));
  if (auto error = server.listen()) {
    return fail(*error);
  }
  std::printf("listening on 127.0.0.1:%u\n", static_cast<unsigned>(server.port()));
  std::fflush(stdout);
  server.run(stop_signal);
  return 0;
}
