#include "app/command_config.h"

#include <cstdio>
#include <iostream>
#include <utility>

#include "config/print.h"

namespace headgate::app {

Result<config::LoadedConfig> load_config(const ConfigOptions& options) {
  config::LoadRequest request;
  request.environment = config::process_environment();
  request.overrides = options.overrides;
  if (!options.data_dir.empty()) {
    request.overrides.push_back("data_dir=" + options.data_dir);
  }
  if (!options.file.empty()) {
    request.file = options.file;
  } else {
    request.file = config::default_file();
  }
  if (!options.listen.empty()) {
    std::string list;
    for (const std::string& address : options.listen) {
      list.append(list.empty() ? "" : ",").append(address);
    }
    request.overrides.push_back("server.listen=" + list);
  }
  return config::load(request);
}

int complain(const Error& error, int code) {
  std::fprintf(stderr, "headgate: %s\n", error.message.c_str());
  if (!error.detail.empty()) {
    std::fprintf(stderr, "headgate: %s\n", error.detail.c_str());
  }
  return code;
}

int check_config(const ConfigOptions& options, OutputFormat format) {
  auto loaded = load_config(options);
  if (!loaded) {
    return complain(loaded.error(), kBadUsage);
  }
  for (const std::string& warning : loaded->warnings) {
    std::cerr << "warning: " << warning << "\n";
  }
  std::cout << (format == OutputFormat::Json ? config::to_json(loaded->settings) + "\n"
                                             : config::to_yaml(loaded->settings));
  return kSuccess;
}

}  // namespace headgate::app
