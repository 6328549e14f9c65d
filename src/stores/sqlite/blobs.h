#pragma once

#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"
#include "stores/sqlite/database.h"

// Blobs inside a transaction.
namespace headgate::stores::sqlite {

/// Keeps `bytes` under `hash`, or counts one more holder of them.
Result<void> hold_blob(Database::Session& session, const Sha256& hash, std::string_view bytes);
/// One holder less; the last one takes the bytes along.
Result<void> release_blob(Database::Session& session, std::string_view hash);
/// NotFound if nobody holds it, Internal if the bytes are not those that were kept.
Result<std::string> read_blob(Database::Session& session, std::string_view hash);

}  // namespace headgate::stores::sqlite
