#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.h"

// How rows and sections of the option table reach the structures of settings.h.
namespace headgate::config {

/// The slot of `owner.first.second...`.
template <class Owner, auto... Members>
Slot at(void* owner) {
  return &(*static_cast<Owner*>(owner).*....*Members);
}

/// The structure `owner.first.second...`; with no members the owner itself.
template <class Owner, auto... Members>
void* within(void* owner) {
  return &(*static_cast<Owner*>(owner).*....*Members);
}

inline void* same(void* owner) { return owner; }

/// A vector of structures that carry their own `name`.
template <class Owner, auto... Members>
struct NamedVector {
  static auto& vector(void* owner) { return (*static_cast<Owner*>(owner).*....*Members); }
  static void* add(void* owner, const std::string& name) {
    auto& added = vector(owner).emplace_back();
    added.name = name;
    return &added;
  }
  static std::vector<Entry> entries(void* owner) {
    std::vector<Entry> found;
    for (auto& item : vector(owner)) {
      found.push_back({item.name, &item});
    }
    return found;
  }
};

/// A vector of structures known by their number.
template <class Owner, auto... Members>
struct NumberedVector {
  static auto& vector(void* owner) { return (*static_cast<Owner*>(owner).*....*Members); }
  static void* add(void* owner, const std::string&) { return &vector(owner).emplace_back(); }
  static std::vector<Entry> entries(void* owner) {
    std::vector<Entry> found;
    for (auto& item : vector(owner)) {
      found.push_back({std::to_string(found.size()), &item});
    }
    return found;
  }
};

/// A map from names to structures.
template <class Owner, auto... Members>
struct NamedMap {
  static auto& map(void* owner) { return (*static_cast<Owner*>(owner).*....*Members); }
  static void* add(void* owner, const std::string& name) { return &map(owner)[name]; }
  static std::vector<Entry> entries(void* owner) {
    std::vector<Entry> found;
    for (auto& [name, item] : map(owner)) {
      found.push_back({name, &item});
    }
    return found;
  }
};

/// The sections under `models` and the queue's, which live in option_rows_models.cc.
std::span<const Option> queue_options();
std::span<const Section> queue_sections();
std::span<const Option> provider_options();
std::span<const Option> model_options();
std::span<const Section> model_sections();
/// Those of a model that say how its targets are chosen and tried.
std::span<const Section> routing_sections();

/// What a model can do.
inline constexpr std::array<std::string_view, 11> kModelKinds = {
    "chat",   "completion", "embedding", "image",    "speech", "transcription",
    "rerank", "moderation", "ocr",       "classify", "extract"};

inline constexpr double kSecond = 1000;
inline constexpr double kMinute = 60 * kSecond;
inline constexpr double kHour = 60 * kMinute;
inline constexpr double kDay = 24 * kHour;
inline constexpr double kKiB = 1024;
inline constexpr double kMiB = 1024 * kKiB;
inline constexpr double kGiB = 1024 * kMiB;

}  // namespace headgate::config
