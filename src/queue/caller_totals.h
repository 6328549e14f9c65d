#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "stores/job_store.h"

namespace headgate::queue {

/// Counts how the requests of callers ended, by model, into the totals that the store keeps of
/// jobs. In memory until the next flush: a crash loses what was counted since the last one, a
/// proper stop nothing.
class CallerTotals final {
 public:
  enum class Ending : std::uint8_t { Succeeded, Failed, Expired, Cancelled };

  /// Adds to the totals of the store: JobStore::add_counts.
  using Write = std::function<Task<Result<void>>(std::map<std::string, stores::JobCounts> ended)>;

  /// `loops`: how many event loops count.
  CallerTotals(Write write, std::size_t loops);
  ~CallerTotals();
  CallerTotals(const CallerTotals&) = delete;
  CallerTotals& operator=(const CallerTotals&) = delete;

  /// A caller's request has ended that a target of `model` was asked for. On an event loop;
  /// allocates nothing once the model is known.
  void count(std::string_view model, Ending ending);
  /// Adds what was counted to the store. What cannot be written waits for the next flush. On an
  /// event loop; the CallerTotals lives until then.
  Task<void> flush();
  /// What the store does not have yet. Any thread.
  stores::JobCounts pending(std::string_view model) const;

 private:
  using Counts = std::map<std::string, stores::JobCounts, std::less<>>;
  struct Shard;
  static void add(Counts& to, std::string_view model, const stores::JobCounts& counts);

  const Write write_;
  std::vector<std::unique_ptr<Shard>> shards_;  // by loop
};

}  // namespace headgate::queue
