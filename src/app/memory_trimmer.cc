#include "app/memory_trimmer.h"

namespace headgate::app {

MemoryTrimmer::Step MemoryTrimmer::tick(std::uint64_t connections, std::uint64_t peak) {
  if (last_ == Step::FreeBuffers) {
    last_ = Step::ReturnToSystem;
    return last_;
  }
  last_ = Step::Nothing;
  if (peak >= connections + kCrowd && connections <= peak / 2) {
    last_ = Step::FreeBuffers;
  }
  return last_;
}

}  // namespace headgate::app
