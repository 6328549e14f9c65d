#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/inference_request.h"

namespace headgate::routing {

struct Model;
struct Target;

/// What a request needs a target to be able to do.
struct Needs {
  model::Kind kind = model::Kind::Chat;
  std::uint64_t input_tokens = 0;   ///< estimated
  std::uint64_t output_tokens = 0;  ///< the longest answer asked for; 0: not said
  bool images = false;
  bool tools = false;
  bool json_schema = false;
};

/// What a target can do beside text. What is not known, it can.
struct Abilities {
  bool images = true;
  bool tools = true;
  bool json_schema = true;
  bool prefill = false;  ///< goes on with an answer that is begun; not assumed
};

/// One thing that a target may be unable to do.
enum class Need : std::uint8_t { Kind, Context, Output, Images, Tools, JsonSchema };

/// "context", "images", ... for details and logs.
std::string_view name_of(Need need);

/// Whether a model answers requests of `kind`, by the kind that it is configured as: images,
/// speech, transcripts, moderation and ranking are asked only of models of just that kind.
bool serves(const Model& model, model::Kind kind);

/// The first need that `target` cannot meet, or nothing. What is not known of a target, it can. The
/// input is an estimate, so a window counts as too small only if it is so by a quarter.
std::optional<Need> unmet(const Needs& needs, const Target& target);

/// Whether the estimate and the answer fit into the target's window as they are.
bool fits_well(const Needs& needs, const Target& target);

}  // namespace headgate::routing
