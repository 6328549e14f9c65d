#include "routing/health.h"

#include <algorithm>
#include <utility>

namespace headgate::routing {
namespace {

std::string joined(std::string_view provider, std::string_view name) {
  std::string key;
  key.reserve(provider.size() + 1 + name.size());
  key.append(provider).push_back('\0');
  return key.append(name);
}

/// What `map` holds under `key`, made by `make` if nobody holds it any more.
template <class T, class Make>
std::shared_ptr<T> held(TextMap<std::weak_ptr<T>>& map, std::string key, const Make& make) {
  if (const auto found = map.find(key); found != map.end()) {
    if (auto alive = found->second.lock()) {
      return alive;
    }
  }
  std::erase_if(map, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<T> made = make();
  map.insert_or_assign(std::move(key), made);
  return made;
}

}  // namespace

std::shared_ptr<TargetHealth> Health::target(std::string_view provider, std::string_view target) {
  const std::lock_guard lock(mutex_);
  return held(targets_, joined(provider, target), [&] {
    return std::make_shared<TargetHealth>(std::string(provider), std::string(target));
  });
}

std::shared_ptr<KeyPool> Health::keys(std::string_view provider,
                                      std::span<const std::string> credentials,
                                      std::uint64_t requests_per_minute) {
  const std::lock_guard lock(mutex_);
  static const std::string none;
  const std::span<const std::string> known =
      credentials.empty() ? std::span(&none, 1) : credentials;
  std::vector<std::shared_ptr<KeyState>> states;
  for (const std::string& credential : known) {
    states.push_back(held(keys_, joined(provider, as_view(sha256(credential))),
                          [] { return std::make_shared<KeyState>(); }));
  }
  std::weak_ptr<KeyPool>& latest = pools_[std::string(provider)];
  if (auto pool = latest.lock(); pool && pool->is_of(states, requests_per_minute)) {
    return pool;
  }
  auto pool = std::make_shared<KeyPool>(std::move(states), requests_per_minute);
  latest = pool;
  std::erase_if(pools_, [](const auto& entry) { return entry.second.expired(); });
  return pool;
}

std::shared_ptr<KeyPool> Health::pool(std::string_view provider) const {
  const std::lock_guard lock(mutex_);
  const auto found = pools_.find(provider);
  return found == pools_.end() ? nullptr : found->second.lock();
}

std::shared_ptr<ModelMemory> Health::model(std::string_view name) {
  const std::lock_guard lock(mutex_);
  return held(models_, std::string(name), [] { return std::make_shared<ModelMemory>(); });
}

std::vector<std::shared_ptr<TargetHealth>> Health::targets() const {
  std::vector<std::shared_ptr<TargetHealth>> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, target] : targets_) {
      if (auto alive = target.lock()) {
        found.push_back(std::move(alive));
      }
    }
  }
  std::ranges::sort(found, [](const auto& a, const auto& b) {
    return std::pair(a->provider(), a->target()) < std::pair(b->provider(), b->target());
  });
  return found;
}

std::vector<std::pair<std::string, std::shared_ptr<ModelMemory>>> Health::models() const {
  std::vector<std::pair<std::string, std::shared_ptr<ModelMemory>>> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, memory] : models_) {
      if (auto alive = memory.lock()) {
        found.emplace_back(name, std::move(alive));
      }
    }
  }
  std::ranges::sort(found);
  return found;
}

std::shared_ptr<TargetHealth> Health::find(std::string_view provider,
                                           std::string_view target) const {
  const std::lock_guard lock(mutex_);
  const auto found = targets_.find(joined(provider, target));
  return found == targets_.end() ? nullptr : found->second.lock();
}

}  // namespace headgate::routing
