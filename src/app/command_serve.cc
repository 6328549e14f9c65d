#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <memory>
#include <utility>

#include <signal.h>

#include "app/command_config.h"
#include "app/commands.h"
#include "app/gateway.h"
#include "base/encoding.h"
#include "observe/log.h"

namespace headgate::app {
namespace {

namespace log = observe::log;

void configure_log(const config::LogSettings& settings) {
  log::Options options;
  options.level = log::level_named(settings.level).value_or(log::Level::Info);
  options.format = log::format_named(settings.format).value_or(log::Format::Auto);
  log::configure(options);
}

}  // namespace

int serve(const ConfigOptions& options) {
  // Before any thread exists, so that all inherit it: signals are taken by the loop below.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals, number);
  }
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A client that has gone and a file at its size limit are errors of one call, not the end.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);

  auto loaded = load_config(options);
  if (!loaded) {
    return complain(loaded.error(), kBadUsage);
  }
  configure_log(loaded->settings.log);
  for (const std::string& warning : loaded->warnings) {
    log::warning(warning);
  }
  std::unique_ptr<Gateway> gateway;
  try {
    gateway = std::make_unique<Gateway>(std::move(loaded->settings),
                                        [&options] { return load_config(options); });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "headgate: cannot start: %s\n", error.what());
    return kFailure;
  }
  auto started = gateway->start();
  if (!started) {
    return complain(started.error(), kFailure);
  }
  log::info("listening", {{"addresses", join(gateway->addresses())}});

  constexpr timespec kEachSecond{.tv_sec = 1, .tv_nsec = 0};
  while (true) {
    const int number = ::sigtimedwait(&signals, nullptr, &kEachSecond);
    if (number == SIGHUP) {
      gateway->reload();
    } else if (number == SIGTERM || number == SIGINT) {
      break;
    } else {
      gateway->refresh();
    }
  }
  log::info("stopping");
  const Gateway::Stopped stopped = gateway->stop();
  if (stopped != Gateway::Stopped::Clean) {
    log::warning("requests were cut after server.shutdown_grace");
  }
  log::info("stopped");
  if (stopped == Gateway::Stopped::Stuck) {
    // Something still uses the gateway's parts. What was acknowledged is on disk.
    std::fflush(nullptr);
    std::_Exit(kSuccess);
  }
  return kSuccess;
}

}  // namespace headgate::app
