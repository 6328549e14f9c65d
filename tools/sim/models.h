#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "sim/answer.h"
#include "sim/behaviour.h"
#include "sim/options.h"

namespace headgate::sim {

/// One model name that was asked for, with its counters and the answers made so far.
class Model {
 public:
  /// `base` outlives the model: how it answers once a fault has passed.
  Model(std::variant<Behaviour, std::string> behaviour, const Behaviour& base)
      : base_(base), behaviour_(std::move(behaviour)) {}

  /// The error in the model's name, or null.
  const std::string* error() const { return std::get_if<std::string>(&behaviour_); }
  /// Counts one request and says how it is to be answered. Only without an error().
  const Behaviour& next();
  /// The answer to `question` by the behaviour that next() returned; made once where that is
  /// possible.
  std::shared_ptr<const Script> answer(const Behaviour& behaviour, const Question& question);

  std::uint64_t requests() const { return requests_; }
  void forget() { requests_ = 0; }

 private:
  static constexpr std::size_t kVariants = 12;  // endpoint, stream, usage and struck or not

  const Behaviour& base_;
  std::variant<Behaviour, std::string> behaviour_;
  std::uint64_t requests_ = 0;
  std::array<std::shared_ptr<const Script>, kVariants> scripts_;  // shared with running answers
};

/// The models asked for so far, at most kMaxModels: then all are forgotten.
class ModelTable {
 public:
  static constexpr std::size_t kMaxModels = 256;

  /// `options` outlive the table.
  explicit ModelTable(const Options& options) : options_(options) {}

  /// Valid until the next call.
  Model& find(std::string_view name);
  void forget();
  /// Appends `{"name":requests,…}`.
  void append_json(std::string& out) const;

 private:
  std::variant<Behaviour, std::string> behaviour_of_name(std::string_view name) const;

  const Options& options_;
  std::map<std::string, Model, std::less<>> models_;
};

}  // namespace headgate::sim
