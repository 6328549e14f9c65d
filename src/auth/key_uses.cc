#include "auth/key_uses.h"

namespace headgate::auth {

std::shared_ptr<KeyUse> KeyUses::of(const std::string& id) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<KeyUse>& use = uses_[id];
  if (!use) {
    use = std::make_shared<KeyUse>();
  }
  return use;
}

std::vector<stores::ApiKeyUse> KeyUses::take() {
  std::vector<stores::ApiKeyUse> taken;
  const std::lock_guard lock(mutex_);
  for (auto& [id, use] : uses_) {
    const std::int64_t at = use->at_.load(std::memory_order_relaxed);
    if (at > use->taken_) {
      use->taken_ = at;
      taken.push_back({id, at});
    }
  }
  std::erase_if(uses_, [](const auto& entry) { return entry.second.use_count() == 1; });
  return taken;
}

}  // namespace headgate::auth
