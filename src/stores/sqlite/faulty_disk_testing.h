#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>

namespace headgate::stores::sqlite {

/// A disk that fails when told to, beneath every database that is opened while this lives. It
/// knows which writes were synced: when power is lost, of the others nothing, all, or any 512-byte
/// sectors may have reached it. One at a time; all connections must be closed before it dies.
class FaultyDisk final {
 public:
  enum class Operation : std::uint8_t { Any, Write, Sync, Truncate, Delete };
  enum class Fault : std::uint8_t {
    IoError,    ///< a failed sync forgets what was to be synced, as Linux does
    Full,       ///< writes only; a write fails before it begins
    Short,      ///< half is written, then the disk is full
    PowerLoss,  ///< from then on everything fails, until restore_power()
  };
  enum class Lasting : std::uint8_t { Once, UntilRepaired };

  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  /// The `nth` operation from now (from 1) fails.
  void fail(Operation operation, int nth, Fault fault, Lasting lasting = Lasting::Once);
  /// Whether it has come to that.
  bool has_failed() const;
  /// Takes the fault back.
  void repair();
  /// How many operations there were.
  int count(Operation operation) const;

  /// Everything fails from now.
  void lose_power();
  /// What is left on the disk is in the files again. No connection may be open.
  void restore_power(unsigned seed);

  struct Implementation;  ///< the functions SQLite calls

 private:
  friend struct Implementation;
  struct Change {
    std::uint64_t offset = 0;
    std::optional<std::string> bytes;  ///< none: cut the file at `offset`
  };
  struct File {
    std::string durable;
    std::vector<Change> unsynced;
    bool deleted = false;  ///< but its folder was not synced
  };

  /// The fault that strikes this operation, if any.
  std::optional<Fault> strike(Operation operation);

  sqlite3_vfs vfs_{};
  sqlite3_vfs* const real_;
  mutable std::mutex mutex_;  // guards all below
  std::map<std::string, File> files_;
  std::map<Operation, int> counts_;
  Operation target_ = Operation::Any;
  int until_ = 0;  // operations until the fault; 0: none is set
  Fault fault_ = Fault::IoError;
  Lasting lasting_ = Lasting::Once;
  bool failed_ = false;
  bool dark_ = false;
};

}  // namespace headgate::stores::sqlite
