#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "documents/sandbox_status.h"

namespace headgate::documents {

// The fence around a worker, in the order it is put up. Whatever the system does not offer is
// skipped and said so in the status. Under AddressSanitizer the address-space limit is left out
// (its shadow memory alone is terabytes) and a page may make pipes, by which the sanitizers test
// memory.

/// First of all: own session, no descriptors but 0-2 and `socket`, limits, no root, namespaces,
/// death with the parent, no dumps, no new privileges.
std::vector<SandboxStatus> confine_worker(int socket);

/// Landlock: files below `readable` can be read, nothing else can be touched; no TCP. Its state
/// begins with "on" if it holds.
SandboxStatus confine_files(const std::vector<std::string>& readable);

enum class FilterLevel : std::uint8_t {
  Worker,  ///< may fork, wait, signal and talk over its socket
  Page,    ///< reads, computes, answers
};

/// Whether Landlock holds. Without it a page process opens no files at all: fonts and languages
/// that were not loaded before are then missing.
enum class FileRules : std::uint8_t { Landlock, NoFiles };

/// seccomp: system calls that `level` does not need end the process; opening for writing and
/// similar habits of libraries get EACCES.
SandboxStatus confine_system_calls(FilterLevel level, FileRules files);

/// In a page process, after fork: processor time, no descendants, death with the worker.
void limit_page(std::uint32_t cpu_seconds);

}  // namespace headgate::documents
