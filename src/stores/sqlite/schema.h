#pragma once

#include "stores/sqlite/database.h"

namespace headgate::stores::sqlite {

/// The schema of headgate.db, step by step. Steps that were released are never changed.
const Migrations& schema();

}  // namespace headgate::stores::sqlite
