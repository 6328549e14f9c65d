#include "stores/sqlite/readers.h"

namespace headgate::stores::sqlite {

Result<std::unique_ptr<Readers>> Readers::open(const std::string& path, std::size_t threads) {
  std::unique_ptr<Readers> readers(new Readers(threads));
  for (std::size_t i = 0; i < threads; ++i) {
    auto database = Database::open_reader(path);
    if (!database) {
      return fail(database.error());
    }
    readers->idle_.push_back(std::move(*database));
  }
  return readers;
}

Readers::Borrowed::Borrowed(Readers& lender) : readers(lender) {
  // There are as many connections as threads.
  const std::lock_guard lock(readers.mutex_);
  database = std::move(readers.idle_.back());
  readers.idle_.pop_back();
}

Readers::Borrowed::~Borrowed() {
  const std::lock_guard lock(readers.mutex_);
  readers.idle_.push_back(std::move(database));
}

}  // namespace headgate::stores::sqlite
