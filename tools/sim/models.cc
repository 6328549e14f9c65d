#include "sim/models.h"

#include <utility>

#include "sim/text.h"

namespace headgate::sim {

Model::Model(std::variant<Behaviour, std::string> behaviour, const Behaviour& base)
    : behaviour_(std::move(behaviour)) {
  const auto* asked = std::get_if<Behaviour>(&behaviour_);
  healthy_ = asked ? asked->healthy(base) : base;
}

const Behaviour& Model::next(std::string_view operation) {
  ++requests_;
  const auto& asked = std::get<Behaviour>(behaviour_);
  if (!asked.fault_on.empty() && asked.fault_on != operation) {
    return healthy_;
  }
  return asked.fault_times == 0 || ++struck_ <= asked.fault_times ? asked : healthy_;
}

void Model::forget() {
  requests_ = 0;
  struck_ = 0;
}

std::shared_ptr<const Script> Model::plain_script(const Behaviour& behaviour,
                                                  const ChatShape& shape) {
  std::size_t place = shape.endpoint == Endpoint::Chat ? 0 : 1;
  place = place * 3 + (shape.stream ? 1 + (shape.include_usage ? 1 : 0) : 0);
  place = place * 2 + (&behaviour == &healthy_ ? 1 : 0);
  if (!scripts_[place]) {
    scripts_[place] = std::make_shared<const Script>(
        make_script(behaviour, Manner{}, shape.model, chat_reply(behaviour, shape, Demand{})));
  }
  return scripts_[place];
}

Model& ModelTable::find(std::string_view name) {
  auto found = models_.find(name);
  if (found == models_.end()) {
    if (models_.size() >= kMaxModels) {
      models_.clear();
    }
    found =
        models_.try_emplace(std::string(name), behaviour_of_name(name), options_.behaviour).first;
  }
  return found->second;
}

std::optional<std::string> ModelTable::rename(std::string_view name, std::string_view parameters) {
  Behaviour scratch;
  if (!parameters.empty()) {
    if (auto error = apply_parameters(scratch, parameters)) {
      return error;
    }
  }
  if (named_.size() >= kMaxModels && !named_.contains(name)) {
    return "too many names";
  }
  named_.insert_or_assign(std::string(name), std::string(parameters));
  if (auto found = models_.find(name); found != models_.end()) {
    models_.erase(found);
  }
  return std::nullopt;
}

std::variant<Behaviour, std::string> ModelTable::behaviour_of_name(std::string_view name) const {
  auto named = named_.find(name);
  if (named == named_.end()) {
    return behaviour_of(name, options_.behaviour);
  }
  Behaviour behaviour = options_.behaviour;
  if (named->second.empty()) {
    return behaviour;
  }
  if (auto error = apply_parameters(behaviour, named->second)) {
    return *error;
  }
  return behaviour;
}

void ModelTable::forget() {
  for (auto& [name, model] : models_) {
    model.forget();
  }
}

void ModelTable::append_json(std::string& out) const {
  out += '{';
  for (const auto& [name, model] : models_) {
    if (model.requests() > 0) {
      out += out.back() == '{' ? "" : ",";
      append_json_string(out, name, HighBytes::Latin1);
      out += ":" + std::to_string(model.requests());
    }
  }
  out += '}';
}

}  // namespace headgate::sim
