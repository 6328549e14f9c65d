#include "config/reload.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "config/assign.h"
#include "config/options.h"
#include "config/print.h"

namespace headgate::config {
namespace {

class Comparison {
 public:
  explicit Comparison(ReloadPlan& plan) : plan_(plan) {}

  void section(const Section& section, void* running, void* loaded, const std::string& path) {
    for (const Option& option : section.options) {
      compare(option, option.slot(running), option.slot(loaded), path + std::string(option.name));
    }
    for (const Section& child : section.sections) {
      const std::string inside = path + std::string(child.name);
      if (child.shape == Shape::One) {
        this->section(child, child.enter(running), child.enter(loaded), inside + ".");
      } else {
        entries(child, child.entries(running), child.entries(loaded), inside);
      }
    }
  }

 private:
  void compare(const Option& option, const Slot& running, const Slot& loaded,
               const std::string& path) {
    const std::string before = to_json(written(option, running, Masking::Revealed));
    if (before == to_json(written(option, loaded, Masking::Revealed))) {
      return;
    }
    if (option.reload == Reload::Live) {
      plan_.live.push_back(path);
      return;
    }
    plan_.restart.push_back(path);
    std::visit([&]<class Value>(Value* to) { *to = *std::get<Value*>(running); }, loaded);
  }

  void entries(const Section& child, const std::vector<Entry>& running,
               const std::vector<Entry>& loaded, const std::string& path) {
    const auto find = [](const std::vector<Entry>& list, const std::string& name) {
      return std::ranges::find(list, name, &Entry::name);
    };
    for (const Entry& entry : loaded) {
      const std::string inside = entry_path(child, path, entry.name);
      const auto before = find(running, entry.name);
      if (before == running.end()) {
        plan_.live.push_back(inside);
      } else {
        section(child, before->owner, entry.owner, inside + ".");
      }
    }
    for (const Entry& entry : running) {
      if (find(loaded, entry.name) == loaded.end()) {
        plan_.live.push_back(entry_path(child, path, entry.name));
      }
    }
  }

  static std::string entry_path(const Section& child, const std::string& path,
                                const std::string& name) {
    return child.shape == Shape::Named ? path + "." + name : path + "[" + name + "]";
  }

  ReloadPlan& plan_;
};

}  // namespace

ReloadPlan plan_reload(const Settings& running, Settings loaded) {
  ReloadPlan plan;
  plan.settings = std::move(loaded);
  Settings before = running;
  Comparison(plan).section(root_section(), &before, &plan.settings, {});
  return plan;
}

}  // namespace headgate::config
