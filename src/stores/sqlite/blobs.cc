#include "stores/sqlite/blobs.h"

#include <utility>

#include "stores/sqlite/stores.h"

namespace headgate::stores::sqlite {
namespace {

using Session = Database::Session;

class SqliteBlobStore final : public BlobStore {
 public:
  explicit SqliteBlobStore(Engine engine) : engine_(engine) {}

  Task<Result<Sha256>> put(std::string bytes) override {
    auto hash = co_await engine_.pool->run([&] { return sha256(bytes); });
    if (!hash) {
      co_return fail(hash.error());
    }
    auto held = co_await engine_.writer->run(
        [&](Session& session) { return hold_blob(session, *hash, bytes); });
    if (!held) {
      co_return fail(held.error());
    }
    co_return *hash;
  }
  Task<Result<std::string>> get(Sha256 hash) override {
    co_return co_await engine_.readers->run(
        [&](Session& session) { return read_blob(session, as_view(hash)); });
  }
  Task<Result<void>> release(Sha256 hash) override {
    co_return co_await engine_.writer->run(
        [&](Session& session) { return release_blob(session, as_view(hash)); });
  }

 private:
  const Engine engine_;
};

}  // namespace

Result<void> hold_blob(Session& session, const Sha256& hash, std::string_view bytes) {
  auto update = session.prepare("UPDATE blobs SET holders=holders+1 WHERE hash=?");
  if (!update) {
    return fail(update.error());
  }
  auto counted = update->bind_blob(as_view(hash)).run();
  if (!counted || session.changes() != 0) {
    return counted;
  }
  auto insert = session.prepare("INSERT INTO blobs (hash, holders, data) VALUES (?,1,?)");
  if (!insert) {
    return fail(insert.error());
  }
  return insert->bind_blob(as_view(hash)).bind_blob(bytes).run();
}

Result<void> release_blob(Session& session, std::string_view hash) {
  {
    auto update = session.prepare("UPDATE blobs SET holders=holders-1 WHERE hash=?");
    if (!update) {
      return fail(update.error());
    }
    auto done = update->bind_blob(hash).run();
    if (!done) {
      return done;
    }
  }
  auto remove = session.prepare("DELETE FROM blobs WHERE hash=? AND holders<=0");
  if (!remove) {
    return fail(remove.error());
  }
  return remove->bind_blob(hash).run();
}

Result<std::string> read_blob(Session& session, std::string_view hash) {
  auto select = session.prepare("SELECT data FROM blobs WHERE hash=?");
  if (!select) {
    return fail(select.error());
  }
  auto row = select->bind_blob(hash).step();
  if (!row) {
    return fail(row.error());
  }
  if (!*row) {
    return fail(not_found("There is no such blob.", "blob_not_found"));
  }
  std::string bytes = select->blob(0);
  if (as_view(sha256(bytes)) != hash) {
    Error error = internal_error("the blob " + std::string(hash.substr(0, 8)) + " is damaged");
    error.code = "blob_damaged";
    return fail(std::move(error));
  }
  return bytes;
}

std::unique_ptr<BlobStore> make_blob_store(Engine engine) {
  return std::make_unique<SqliteBlobStore>(engine);
}

}  // namespace headgate::stores::sqlite
