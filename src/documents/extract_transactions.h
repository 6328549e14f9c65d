#pragma once

#include <optional>

#include "documents/extract_types.h"

namespace headgate::documents {

struct Period {
  Date first;
  Date last;
};

/// What the transactions found add up to.
struct TransactionSums {
  std::size_t count = 0;
  double credits = 0;
  double debits = 0;
};

/// Adds the transactions of a statement to `transactions[]`, over page breaks. Amounts are signed:
/// credits (money in, payments to a card) positive, debits negative; `type` says it in words. Dates
/// without a year get theirs from `period`.
TransactionSums add_transactions(const Reading& reading, const std::optional<Period>& period,
                                 Record& record);

}  // namespace headgate::documents
