#include "config/options_doc.h"

#include <algorithm>
#include <string_view>

#include "config/assign.h"
#include "config/options.h"
#include "config/print.h"

namespace headgate::config {
namespace {

constexpr std::string_view kIntroduction = R"(# Configuration

<!-- Generated from the option table (src/config/option_rows*.cc) by headgate-gen-config-docs. Do not edit. -->

One YAML file: `headgate serve --config FILE`. Without `--config` it is `headgate.yaml` in the working
folder, then `/etc/headgate/headgate.yaml`, then the built-in defaults, which serve documents on the
embedded engine. A commented example is [examples/headgate.yaml](../examples/headgate.yaml).
`headgate check-config` validates a file and prints the effective configuration with secrets masked.

**Which value counts.** Built-in defaults, then the file, then the environment, then `--set path=value`;
the later one wins. A tier, provider, model or route in the file replaces the built-in one of its name.
A key without a value (`key:`) keeps the default.

**Values.** Durations are `300ms`, `30s`, `5m`, `24h`, `15d`; sizes `8KiB`, `10MiB`, `2GiB` or a number of
bytes. A list may be one value alone. `${NAME}` is replaced by the environment variable, `${NAME:-default}`
by the default if that is unset or empty; a missing one without default is a start-up error. `$${` stands
for `${`. Unknown and repeated keys are errors that name the line; YAML anchors and tags are not supported.

**Environment.** Each option has a name: `HEADGATE_` and its path in capitals, other characters as `_`
(`server.max_body_size` is `HEADGATE_SERVER_MAX_BODY_SIZE`, `providers.local.base_url` is
`HEADGATE_PROVIDERS_LOCAL_BASE_URL` when a provider `local` exists). Lists are separated by commas. An empty
variable counts as unset.

**Reload.** SIGHUP reads the file again. Options marked *live* take effect at once for new requests; the
others wait for a restart, and the log says which. An invalid file changes nothing.

**Opening the gateway to other machines** needs `server.tls`, or `server.insecure: true` behind a proxy that
ends TLS.

)";

constexpr std::string_view kReplacedNames = R"(## Names of existing deployments

These environment names keep their meaning. A provider, model or key that the file describes goes before them.

| name | what it does |
|---|---|
| `GATEWAY_API_KEY` | a static key with all `inference:` scopes, `models:read`, `jobs:read`, `jobs:write` |
| `RUNPOD_API_KEY` | provider `runpod` |
| `RUNPOD_CLASSIFY_ENDPOINT`, `RUNPOD_EXTRACT_ENDPOINT` | first target of `document-classifier` and `document-extractor`, before the embedded engine |
| `RUNPOD_TIMEOUT`, `RUNPOD_MAX_RETRIES` | seconds for one attempt; attempts at that target |
| `RATE_LIMIT_REQUESTS`, `RATE_LIMIT_WINDOW` | the tier `default`: requests (100) in so many seconds (60) |
| `LOG_LEVEL` | `log.level`; `WARN`, `CRITICAL` and capitals are understood |
| `JWT_SECRET`, `SECRET_KEY` | `auth.jwt.secret` |
| `SERVER_HOST`, `SERVER_PORT`, `API_HOST`, `API_PORT` | `server.listen`; a host that others can reach is also the consent to plain HTTP (`server.insecure`) |
| `DATABASE_URL`, `POSTGRES_URL` | `store.url` if it is SQLite; PostgreSQL gives a warning |
| `REDIS_URL` | `shared.url` |
| `OPENAI_API_KEY`, `OPENAI_API_KEY_1`, ... | provider `openai`; if the file names no models, every model name goes there |
| `ANTHROPIC_API_KEY`, `GEMINI_API_KEY` and `_1`, ... | providers `anthropic` (not served by this version yet), `gemini` |
| `API_KEY_EXPIRY` | `auth.key_lifetime` in seconds |
| `HEADGATE_ADMIN_PASSWORD` | `auth.admin_password` |
)";

struct Row {
  std::string path;
  const Option* option;
  std::string default_value;
  std::string environment;
};

std::string shown_default(const Option& option, void* owner) {
  const Node value = written(option, option.slot(owner), Masking::Revealed);
  if (value.kind == Node::Kind::List) {
    std::string list;
    for (const Node& item : value.items) {
      list.append(list.empty() ? "" : ", ").append(item.text);
    }
    return list;
  }
  return value.text;
}

/// Visits every section with a default-made structure to read the defaults from.
class Walk {
 public:
  template <class Visit>
  static void sections(const Section& section, void* owner, const std::string& path,
                       const Visit& visit) {
    std::vector<Row> rows;
    const bool by_number = path.contains("[]");
    for (const Option& option : section.options) {
      const std::string full = path + std::string(option.name);
      std::string environment = by_number ? "" : environment_name(full);
      rows.push_back({full, &option, shown_default(option, owner), std::move(environment)});
    }
    visit(section, path, rows);
    for (const Section& child : section.sections) {
      std::string inside = path + std::string(child.name);
      void* structure = nullptr;
      if (child.shape == Shape::One) {
        structure = child.enter(owner);
        inside.append(".");
      } else {
        structure = child.add(owner, "NAME");
        inside.append(child.shape == Shape::Named ? ".NAME." : "[].");
      }
      sections(child, structure, inside, visit);
    }
  }
};

std::string in_code(const std::string& text) { return text.empty() ? "" : "`" + text + "`"; }

std::string help_of(const Option& option) {
  std::string help(option.help);
  if (option.use == Use::Later) {
    help.append(" *Not used by this version yet.*");
  }
  return help;
}

void append_table(const Section& section, const std::string& path, const std::vector<Row>& rows,
                  std::string& out) {
  std::string title = path.empty() ? "Top level" : path.substr(0, path.size() - 1);
  out.append("## ").append(path.empty() ? title : "`" + title + "`").append("\n\n");
  if (!section.help.empty()) {
    out.append(section.help).append("\n\n");
  }
  if (rows.empty()) {
    return;
  }
  out.append("| option | type | default | reload | meaning |\n|---|---|---|---|---|\n");
  for (const Row& row : rows) {
    out.append("| `").append(row.path).append("` | ").append(describe_type(*row.option));
    out.append(" | ").append(in_code(row.default_value)).append(" | ");
    out.append(row.option->reload == Reload::Live ? "live" : "restart").append(" | ");
    out.append(help_of(*row.option)).append(" |\n");
  }
  out.append("\n");
}

}  // namespace

std::string options_markdown() {
  std::string out(kIntroduction);
  Settings settings;
  Walk::sections(root_section(), &settings, "",
                 [&](const Section& section, const std::string& path,
                     const std::vector<Row>& rows) { append_table(section, path, rows, out); });
  out.append(kReplacedNames);
  return out;
}

std::string options_text() {
  std::string out;
  Settings settings;
  Walk::sections(root_section(), &settings, "",
                 [&](const Section&, const std::string&, const std::vector<Row>& rows) {
                   for (const Row& row : rows) {
                     const std::string value =
                         row.default_value.empty() ? "\"\"" : row.default_value;
                     out.append(row.path).append("  (").append(describe_type(*row.option));
                     out.append("; default ").append(value).append(")\n    ");
                     out.append(row.option->help);
                     if (row.option->use == Use::Later) {
                       out.append(" Not used by this version yet.");
                     }
                     if (!row.environment.empty()) {
                       out.append("\n    ").append(row.environment);
                     }
                     out.append("\n");
                   }
                 });
  return out;
}

}  // namespace headgate::config
