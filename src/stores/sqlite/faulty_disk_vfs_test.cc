// The disk of faulty_disk_testing.h; its name makes it a part of the tests.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <random>
#include <utility>

#include "stores/sqlite/faulty_disk_testing.h"

namespace headgate::stores::sqlite {
namespace {

constexpr std::uint64_t kSector = 512;
constexpr int kTracked = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;

/// What SQLite holds of an open file; the real one stands behind it in the same memory.
struct OpenFile {
  sqlite3_file base;
  FaultyDisk* disk;
  const std::string* path;  ///< null if not tracked
  int sync_folder;          ///< the first sync of a new log or journal includes its folder
};
constexpr int kOwnSize = (sizeof(OpenFile) + 15) / 16 * 16;

OpenFile* own(sqlite3_file* file) { return reinterpret_cast<OpenFile*>(file); }
sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + kOwnSize);
}

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int code_of(FaultyDisk::Fault fault, int io_error) {
  return fault == FaultyDisk::Fault::Full || fault == FaultyDisk::Fault::Short ? SQLITE_FULL
                                                                               : io_error;
}

void write_at(std::string& content, std::uint64_t offset, std::string_view bytes) {
  content.resize(std::max<std::size_t>(content.size(), offset + bytes.size()));
  content.replace(offset, bytes.size(), bytes);
}

}  // namespace

struct FaultyDisk::Implementation {
  static FaultyDisk& disk(sqlite3_vfs* vfs) { return *static_cast<FaultyDisk*>(vfs->pAppData); }

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    FaultyDisk& self = disk(vfs);
    OpenFile* opened = own(file);
    opened->base.pMethods = nullptr;
    opened->disk = &self;
    opened->path = nullptr;
    opened->sync_folder = flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL);
    const bool tracked = name != nullptr && (flags & kTracked) != 0;
    {
      const std::lock_guard lock(self.mutex_);
      if (tracked && self.dark_) {
        return SQLITE_CANTOPEN;
      }
      if (tracked) {
        auto [at, is_new] = self.files_.try_emplace(name);
        if (is_new || at->second.deleted) {
          at->second = {.durable = read_all(name), .unsynced = {}, .deleted = false};
        }
        opened->path = &at->first;
      }
    }
    const int status = self.real_->xOpen(self.real_, name, real(file), flags, out);
    if (status == SQLITE_OK) {
      opened->base.pMethods = &kMethods;
    }
    return status;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    FaultyDisk& self = disk(vfs);
    const std::lock_guard lock(self.mutex_);
    if (self.strike(Operation::Delete)) {
      return SQLITE_IOERR_DELETE;
    }
    const auto at = self.files_.find(name);
    if (at != self.files_.end()) {
      // Not erased: open files point to its name.
      at->second = {.durable = sync_folder != 0 ? std::string() : at->second.durable,
                    .unsynced = {},
                    .deleted = true};
    }
    return self.real_->xDelete(self.real_, name, sync_folder);
  }

  static int access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    return disk(vfs).real_->xAccess(disk(vfs).real_, name, flags, out);
  }

  static int full_pathname(sqlite3_vfs* vfs, const char* name, int size, char* out) {
    return disk(vfs).real_->xFullPathname(disk(vfs).real_, name, size, out);
  }

  static int close(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }

  static int read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
    {
      const std::lock_guard lock(own(file)->disk->mutex_);
      if (own(file)->disk->dark_) {
        return SQLITE_IOERR_READ;
      }
    }
    return real(file)->pMethods->xRead(real(file), into, size, offset);
  }

  static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
    FaultyDisk& self = *own(file)->disk;
    if (own(file)->path == nullptr) {
      return real(file)->pMethods->xWrite(real(file), bytes, size, offset);
    }
    const std::lock_guard lock(self.mutex_);
    const auto fault = self.strike(Operation::Write);
    const bool half = fault == Fault::Short;
    if (fault && !half) {
      return code_of(*fault, SQLITE_IOERR_WRITE);
    }
    const int written = half ? size / 2 : size;
    self.files_[*own(file)->path].unsynced.push_back(
        {.offset = static_cast<std::uint64_t>(offset),
         .bytes = std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(written))});
    const int status = real(file)->pMethods->xWrite(real(file), bytes, written, offset);
    return fault ? code_of(*fault, SQLITE_IOERR_WRITE) : status;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    FaultyDisk& self = *own(file)->disk;
    if (own(file)->path != nullptr) {
      const std::lock_guard lock(self.mutex_);
      if (self.strike(Operation::Truncate)) {
        return SQLITE_IOERR_TRUNCATE;
      }
      self.files_[*own(file)->path].unsynced.push_back(
          {.offset = static_cast<std::uint64_t>(size), .bytes = std::nullopt});
    }
    return real(file)->pMethods->xTruncate(real(file), size);
  }

  static int sync(sqlite3_file* file, int) {
    FaultyDisk& self = *own(file)->disk;
    if (own(file)->path == nullptr) {
      return SQLITE_OK;
    }
    const std::lock_guard lock(self.mutex_);
    File& entry = self.files_[*own(file)->path];
    if (const auto fault = self.strike(Operation::Sync)) {
      if (*fault != Fault::PowerLoss) {
        entry.unsynced.clear();
      }
      return SQLITE_IOERR_FSYNC;
    }
    for (const Change& change : entry.unsynced) {
      if (change.bytes) {
        write_at(entry.durable, change.offset, *change.bytes);
      } else {
        entry.durable.resize(change.offset);
      }
    }
    entry.unsynced.clear();
    if (std::exchange(own(file)->sync_folder, 0) != 0) {
      for (auto& [path, other] : self.files_) {
        if (other.deleted) {
          other.durable.clear();
        }
      }
    }
    return SQLITE_OK;  // the real disk need not turn for this
  }

  static int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return real(file)->pMethods->xFileSize(real(file), size);
  }
  static int lock(sqlite3_file* file, int level) {
    return real(file)->pMethods->xLock(real(file), level);
  }
  static int unlock(sqlite3_file* file, int level) {
    return real(file)->pMethods->xUnlock(real(file), level);
  }
  static int is_reserved(sqlite3_file* file, int* out) {
    return real(file)->pMethods->xCheckReservedLock(real(file), out);
  }
  static int control(sqlite3_file* file, int operation, void* argument) {
    return real(file)->pMethods->xFileControl(real(file), operation, argument);
  }
  static int sector_size(sqlite3_file* file) {
    return real(file)->pMethods->xSectorSize(real(file));
  }
  static int characteristics(sqlite3_file* file) {
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
  }
  static int shm_map(sqlite3_file* file, int page, int size, int extend, volatile void** out) {
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
  }
  static int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
  }
  static void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
  static int shm_unmap(sqlite3_file* file, int remove_too) {
    return real(file)->pMethods->xShmUnmap(real(file), remove_too);
  }

  static constexpr sqlite3_io_methods kMethods = {2,
                                                  close,
                                                  read,
                                                  write,
                                                  truncate,
                                                  sync,
                                                  file_size,
                                                  lock,
                                                  unlock,
                                                  is_reserved,
                                                  control,
                                                  sector_size,
                                                  characteristics,
                                                  shm_map,
                                                  shm_lock,
                                                  shm_barrier,
                                                  shm_unmap,
                                                  nullptr,
                                                  nullptr};
};

FaultyDisk::FaultyDisk() : real_(sqlite3_vfs_find(nullptr)) {
  vfs_ = *real_;
  vfs_.szOsFile = kOwnSize + real_->szOsFile;
  vfs_.pNext = nullptr;
  vfs_.zName = "faulty-disk";
  vfs_.pAppData = this;
  vfs_.xOpen = Implementation::open;
  vfs_.xDelete = Implementation::remove;
  vfs_.xAccess = Implementation::access;
  vfs_.xFullPathname = Implementation::full_pathname;
  sqlite3_vfs_register(&vfs_, 1);
}

FaultyDisk::~FaultyDisk() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(real_, 1);
}

void FaultyDisk::fail(Operation operation, int nth, Fault fault, Lasting lasting) {
  const std::lock_guard lock(mutex_);
  target_ = operation;
  until_ = nth;
  fault_ = fault;
  lasting_ = lasting;
  failed_ = false;
}

bool FaultyDisk::has_failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

void FaultyDisk::repair() {
  const std::lock_guard lock(mutex_);
  until_ = 0;
}

int FaultyDisk::count(Operation operation) const {
  const std::lock_guard lock(mutex_);
  const auto at = counts_.find(operation);
  return at == counts_.end() ? 0 : at->second;
}

void FaultyDisk::lose_power() {
  const std::lock_guard lock(mutex_);
  dark_ = true;
}

std::optional<FaultyDisk::Fault> FaultyDisk::strike(Operation operation) {
  if (dark_) {
    return Fault::PowerLoss;
  }
  ++counts_[operation];
  ++counts_[Operation::Any];
  if (until_ == 0 || (target_ != Operation::Any && target_ != operation)) {
    return std::nullopt;
  }
  if (--until_ > 0) {
    return std::nullopt;
  }
  failed_ = true;
  until_ = lasting_ == Lasting::UntilRepaired ? 1 : 0;
  dark_ = fault_ == Fault::PowerLoss;
  return fault_;
}

void FaultyDisk::restore_power(unsigned seed) {
  const std::lock_guard lock(mutex_);
  std::mt19937 random(seed);
  enum class Fate : std::uint8_t { Lost, Kept, Torn };
  const auto fate = static_cast<Fate>(random() % 3);
  const auto reaches_the_disk = [&] {
    return fate == Fate::Kept || (fate == Fate::Torn && random() % 2 == 0);
  };
  for (auto& [path, file] : files_) {
    std::filesystem::remove(path + "-shm");
    if (file.deleted && (file.durable.empty() || reaches_the_disk())) {
      continue;
    }
    for (const Change& change : file.unsynced) {
      if (!change.bytes) {
        if (reaches_the_disk()) {
          file.durable.resize(change.offset);
        }
        continue;
      }
      const std::uint64_t end = change.offset + change.bytes->size();
      for (std::uint64_t at = change.offset; at < end;) {
        const std::uint64_t next = std::min(end, (at / kSector + 1) * kSector);
        if (reaches_the_disk()) {
          write_at(file.durable, at,
                   std::string_view(*change.bytes).substr(at - change.offset, next - at));
        }
        at = next;
      }
    }
    std::ofstream(path, std::ios::binary) << file.durable;
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  files_.clear();
  until_ = 0;
  dark_ = false;
}

}  // namespace headgate::stores::sqlite
