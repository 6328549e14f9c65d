// The command line: what can be asked for, and which function does it.
#include <exception>
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>
#include <sodium.h>

#include "app/commands.h"
#include "app/version.h"
#include "config/options_doc.h"
#include "documents/worker_main.h"

namespace {

using headgate::app::ConfigOptions;
using headgate::app::OutputFormat;

void add_config(CLI::App& command, ConfigOptions& options) {
  command.add_option("-c,--config", options.file,
                     "Configuration file (default: headgate.yaml, /etc/headgate/headgate.yaml)");
  command.add_option("--data-dir", options.data_dir, "Data folder (overrides data_dir)");
  command.add_option("--set", options.overrides, "Override one option: path=value (repeatable)");
}

void add_json(CLI::App& command, OutputFormat& format) {
  command.add_flag_callback(
      "--json", [&format] { format = OutputFormat::Json; }, "JSON for programs instead of text");
}

}  // namespace

int main(int argc, char** argv) try {
  using namespace headgate;
  CLI::App program{
      "Headgate: an AI inference gateway.\n\n"
      "  headgate serve                        start with the built-in defaults\n"
      "  headgate keys create --name ci        make an API key\n"
      "  headgate extract w2.pdf               read a document without a server\n"
      "  headgate check-config -c my.yaml      see what a configuration means\n\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."};
  program.failure_message(CLI::FailureMessage::help);
  std::function<int()> run;

  ConfigOptions config;
  CLI::App* serve =
      program.add_subcommand("serve", "Run the gateway (SIGHUP reloads, SIGTERM stops)");
  add_config(*serve, config);
  serve->add_option("--listen", config.listen, "host:port to listen on (overrides server.listen)");
  serve->callback([&] { run = [&] { return app::serve(config); }; });

  OutputFormat check_format = OutputFormat::Text;
  CLI::App* check = program.add_subcommand("check-config",
                                           "Validate a configuration and print the effective one");
  add_config(*check, config);
  add_json(*check, check_format);
  check->callback([&] { run = [&] { return app::check_config(config, check_format); }; });

  app::KeyOptions key;
  CLI::App* keys = program.add_subcommand("keys", "API keys");
  CLI::App* keys_create = keys->add_subcommand("create", "Make a key; its text is shown once");
  keys_create->add_option("--name", key.name, "What you call it")->required();
  keys_create->add_option("--scope", key.scopes, "A scope (repeatable; default: all inference)");
  keys_create->add_option("--tier", key.tier, "Its tier of limits");
  keys_create->add_option("--budget-day", key.budget_day, "USD it may spend in a day (UTC)")
      ->check(CLI::Range(0.0, 1e9));
  keys_create
      ->add_option("--budget-month", key.budget_month, "USD it may spend in a calendar month (UTC)")
      ->check(CLI::Range(0.0, 1e9));
  CLI::App* keys_list = keys->add_subcommand("list", "All keys, without their secrets");
  CLI::App* keys_revoke = keys->add_subcommand("revoke", "End a key");
  keys_revoke->add_option("id", key.id, "The 12 characters after hg_")->required();
  for (CLI::App* command : {keys_create, keys_list, keys_revoke}) {
    add_config(*command, key.config);
    add_json(*command, key.format);
  }
  keys_create->callback([&] { run = [&] { return app::keys_create(key); }; });
  keys_list->callback([&] { run = [&] { return app::keys_list(key); }; });
  keys_revoke->callback([&] { run = [&] { return app::keys_revoke(key); }; });

  app::UserOptions user;
  CLI::App* users = program.add_subcommand("users", "Users who log in with a password");
  CLI::App* users_add = users->add_subcommand("add", "Add a user; the password comes from stdin");
  users_add->add_option("name", user.name, "The user's name")->required();
  users_add->add_option("--scope", user.scopes, "A scope (repeatable; default: all inference)");
  users_add->add_option("--tier", user.tier, "The user's tier of limits");
  CLI::App* users_passwd = users->add_subcommand("passwd", "Change a password, read from stdin");
  users_passwd->add_option("name", user.name, "The user's name")->required();
  CLI::App* users_list = users->add_subcommand("list", "All users");
  for (CLI::App* command : {users_add, users_passwd, users_list}) {
    add_config(*command, user.config);
    add_json(*command, user.format);
  }
  users_add->callback([&] { run = [&] { return app::users_add(user); }; });
  users_passwd->callback([&] { run = [&] { return app::users_passwd(user); }; });
  users_list->callback([&] { run = [&] { return app::users_list(user); }; });

  app::BackupOptions copy;
  CLI::App* backup =
      program.add_subcommand("backup", "Copy the database to a new file, also while serving");
  backup->add_option("file", copy.file, "The copy; must not exist yet")->required();
  CLI::App* restore =
      program.add_subcommand("restore", "Put a backup in the database's place, while not serving");
  restore->add_option("file", copy.file, "A copy made with backup")->required();
  for (CLI::App* command : {backup, restore}) {
    add_config(*command, copy.config);
    add_json(*command, copy.format);
  }
  backup->callback([&] { run = [&] { return app::backup_store(copy); }; });
  restore->callback([&] { run = [&] { return app::restore_store(copy); }; });

  app::DocumentOptions document;
  const auto add_document = [&](const char* name, const char* help, app::DocumentWork work) {
    CLI::App* command = program.add_subcommand(name, help);
    command->add_option("file", document.file, "PNG, JPEG, WebP, BMP, TIFF or PDF")->required();
    add_config(*command, document.config);
    add_json(*command, document.format);
    command->callback(
        [&, work] { run = [&, work] { return app::read_document_file(work, document); }; });
    return command;
  };
  add_document("ocr", "Read the text of a file", app::DocumentWork::Ocr);
  add_document("classify", "Tell what a file is", app::DocumentWork::Classify);
  add_document("extract", "Read the fields of a file", app::DocumentWork::Extract)
      ->add_option("--type", document.type, "Its type (default: classified first)");

  OutputFormat version_format = OutputFormat::Text;
  CLI::App* version = program.add_subcommand("version", "Print the version");
  add_json(*version, version_format);
  version->callback([&] {
    run = [&] {
      const bool json = version_format == OutputFormat::Json;
      std::cout << (json ? R"({"version":")" : "headgate ") << app::kVersion
                << (json ? "\"}\n" : "\n");
      return 0;
    };
  });
  program.add_subcommand("options", "Print every configuration option as Markdown")->callback([&] {
    run = [] {
      std::cout << config::options_markdown();
      return 0;
    };
  });

  constexpr int kWorkerSocket = 3;
  bool probe = false;
  CLI::App* worker = program.add_subcommand("worker", "Internal: reads documents for the gateway");
  worker->group("");
  worker->add_flag("--probe", probe, "Try what the sandbox forbids");
  worker->callback([&] {
    run = [&] {
      return probe ? documents::run_worker_probe("/proc/self/exe")
                   : documents::run_worker(kWorkerSocket);
    };
  });

  if (sodium_init() < 0) {
    std::cerr << "headgate: the random number generator does not work\n";
    return app::kFailure;
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = program.exit(error);
    return status == 0 ? 0 : app::kBadUsage;
  }
  if (!run) {
    const auto chosen = program.get_subcommands();
    std::cerr << "headgate: a command is missing\n\n"
              << (chosen.empty() ? program.help() : chosen.front()->help());
    return app::kBadUsage;
  }
  return run();
} catch (const std::exception& error) {
  std::cerr << "headgate: " << error.what() << "\n";
  return headgate::app::kFailure;
}
