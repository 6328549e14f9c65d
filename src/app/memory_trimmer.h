#pragma once

#include <cstdint>

namespace headgate::app {

/// Decides when memory goes back to the system: after a crowd of connections has left. Pure.
class MemoryTrimmer final {
 public:
  /// What the caller should do now.
  enum class Step : std::uint8_t {
    Nothing,
    FreeBuffers,    ///< have the event loops free their resting buffers
    ReturnToSystem  ///< they have: give free memory back
  };
  /// Called each second with the connections that are open and the most that were open at once
  /// since the last FreeBuffers.
  Step tick(std::uint64_t connections, std::uint64_t peak);

 private:
  static constexpr std::uint64_t kCrowd = 256;
  Step last_ = Step::Nothing;
};

}  // namespace headgate::app
