// Databases of every version there was, with rows in every table, opened by today's program.
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "stores/sqlite/schema.h"
#include "testing/temp_folder.h"

namespace headgate::stores::sqlite {
namespace {

using testing::TempFolder;
using Rows = std::vector<std::vector<std::string>>;

class Connection final {
 public:
  explicit Connection(const std::string& path) { sqlite3_open(path.c_str(), &connection_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { sqlite3_close(connection_); }
  Rows ask(const std::string& sql) const {
    Rows rows;
    const auto add = [](void* kept, int columns, char** values, char**) {
      auto& row = static_cast<Rows*>(kept)->emplace_back();
      for (int i = 0; i < columns; ++i) {
        row.emplace_back(values[i] == nullptr ? "NULL" : values[i]);
      }
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(connection_, sql.c_str(), add, &rows, nullptr), SQLITE_OK)
        << sql << ": " << sqlite3_errmsg(connection_);
    return rows;
  }

 private:
  sqlite3* connection_ = nullptr;
};

/// Table -> its columns, joined by commas.
std::map<std::string, std::string> tables_of(const Connection& connection) {
  std::map<std::string, std::string> tables;
  for (const auto& table : connection.ask("SELECT name FROM sqlite_schema WHERE type='table'")) {
    for (const auto& column : connection.ask("PRAGMA table_info(" + table[0] + ")")) {
      std::string& columns = tables[table[0]];
      columns.append(columns.empty() ? "" : ",").append(column[1]);
    }
  }
  return tables;
}

/// Fills every column of every table; numbers are small, so that they are also valid states.
void fill(const Connection& connection) {
  for (const auto& [table, columns] : tables_of(connection)) {
    for (const char* row : {"1", "2", "3"}) {
      std::string values;
      for (const auto& column : connection.ask("PRAGMA table_info(" + table + ")")) {
        const std::string& type = column[2];
        values.append(values.empty() ? "" : ",");
        values.append(type == "TEXT" ? "'text " : type == "BLOB" ? "x'0" : "").append(row);
        values.append(type == "TEXT" || type == "BLOB" ? "'" : "");
      }
      std::string insert = "INSERT INTO ";
      connection.ask(insert.append(table)
                         .append(" (")
                         .append(columns)
                         .append(") VALUES (")
                         .append(values)
                         .append(")"));
    }
  }
}

std::map<std::string, Rows> content_of(const Connection& connection,
                                       const std::map<std::string, std::string>& tables) {
  std::map<std::string, Rows> content;
  for (const auto& [table, columns] : tables) {
    std::string select = "SELECT ";
    content[table] = connection.ask(
        select.append(columns).append(" FROM ").append(table).append(" ORDER BY 1, 2"));
  }
  return content;
}

Migrations first(std::size_t count) {
  return {schema().begin(), schema().begin() + static_cast<std::ptrdiff_t>(count)};
}

class EveryVersion : public ::testing::TestWithParam<std::size_t> {};

TEST_P(EveryVersion, BecomesTheNewestAndKeepsItsRows) {
  const TempFolder folder;
  const std::string path = folder.file("old.db");
  ASSERT_TRUE(Database::open(path, first(GetParam())));
  std::map<std::string, std::string> tables;
  std::map<std::string, Rows> before;
  {
    const Connection old(path);
    tables = tables_of(old);
    fill(old);
    before = content_of(old, tables);
  }
  ASSERT_FALSE(tables.empty());

  const auto opened = Database::open(path, schema());
  ASSERT_TRUE(opened) << opened.error().message;

  const Connection now(path);
  EXPECT_EQ(content_of(now, tables), before);
  EXPECT_EQ(now.ask("PRAGMA user_version"), Rows{{std::to_string(schema().size())}});
  EXPECT_EQ(now.ask("PRAGMA integrity_check"), Rows{{"ok"}});
  const TempFolder other;
  ASSERT_TRUE(Database::open(other.file("new.db"), schema()));
  const Connection fresh(other.file("new.db"));
  const std::string all = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name";
  EXPECT_EQ(now.ask(all), fresh.ask(all)) << "old or new, the schema is the same";
}

TEST_P(EveryVersion, IsRefusedByTheProgramBeforeIt) {
  const TempFolder folder;
  const std::string path = folder.file("new.db");
  ASSERT_TRUE(Database::open(path, first(GetParam())));
  const auto refused = Database::open(path, first(GetParam() - 1));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("schema version " + std::to_string(GetParam()) +
                                         "; this program knows versions up to " +
                                         std::to_string(GetParam() - 1)),
            std::string::npos)
      << refused.error().message;
}

INSTANTIATE_TEST_SUITE_P(Schema, EveryVersion,
                         ::testing::Range<std::size_t>(1, schema().size() + 1));

}  // namespace
}  // namespace headgate::stores::sqlite
