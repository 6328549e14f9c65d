#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "sim/behaviour.h"
#include "sim/chat.h"
#include "sim/options.h"
#include "sim/wire.h"

namespace headgate::sim {

/// One model name that was asked for, with its counters and the answers made so far.
class Model {
 public:
  /// `base` outlives the model: what is left once a fault has passed.
  Model(std::variant<Behaviour, std::string> behaviour, const Behaviour& base);

  /// The error in the model's name, or null.
  const std::string* error() const { return std::get_if<std::string>(&behaviour_); }
  /// True if what it says follows from the body. Only without an error().
  bool follows_body() const { return std::get<Behaviour>(behaviour_).vary; }
  /// True if what it says is what it received. Only without an error().
  bool echoes() const { return std::get<Behaviour>(behaviour_).content != Content::Words; }
  /// Counts one request for `operation` and says how it is to be answered. Only without an error().
  const Behaviour& next(std::string_view operation);
  /// The script of a request that asks for nothing but `shape`, by the behaviour that next()
  /// returned; made once.
  std::shared_ptr<const Script> plain_script(const Behaviour& behaviour, const ChatShape& shape);

  std::uint64_t requests() const { return requests_; }
  void forget();

 private:
  static constexpr std::size_t kVariants = 12;  // endpoint, stream, usage and struck or not

  Behaviour healthy_;
  std::variant<Behaviour, std::string> behaviour_;
  std::uint64_t requests_ = 0;
  std::uint64_t struck_ = 0;
  std::array<std::shared_ptr<const Script>, kVariants> scripts_;  // shared with running answers
};

/// The models asked for so far, at most kMaxModels: then all are forgotten.
class ModelTable {
 public:
  static constexpr std::size_t kMaxModels = 4096;

  /// `options` outlive the table.
  explicit ModelTable(const Options& options) : options_(options), named_(options.models) {}

  /// Valid until the next call.
  Model& find(std::string_view name);
  /// From now on `name` is served with these parameters; its count begins again. The error, if any.
  std::optional<std::string> rename(std::string_view name, std::string_view parameters);
  void forget();
  /// Appends `{"name":requests,…}`.
  void append_json(std::string& out) const;

 private:
  std::variant<Behaviour, std::string> behaviour_of_name(std::string_view name) const;

  const Options& options_;
  std::map<std::string, std::string, std::less<>>
      named_;  // parameters of a name, at most kMaxModels
  std::map<std::string, Model, std::less<>> models_;
};

}  // namespace headgate::sim
