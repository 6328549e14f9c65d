// headgate-gen-config-docs [--check] FILE: writes docs/configuration.md from the option table, or
// says whether FILE is what it would write (exit code 1 if not).

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "config/options_doc.h"

int main(int argument_count, char** arguments) {
  const bool check = argument_count == 3 && std::string_view(arguments[1]) == "--check";
  if (argument_count != 2 && !check) {
    std::fputs("usage: headgate-gen-config-docs [--check] FILE\n", stderr);
    return 2;
  }
  const char* file = arguments[argument_count - 1];
  const std::string wanted = headgate::config::options_markdown();
  if (!check) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << wanted;
    out.close();
    return out ? 0 : 1;
  }
  std::ifstream in(file, std::ios::binary);
  const std::string found{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (found == wanted) {
    return 0;
  }
  std::fprintf(stderr, "%s is stale; run: cmake --build --preset dev --target config_docs\n", file);
  return 1;
}
