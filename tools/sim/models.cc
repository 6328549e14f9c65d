#include "sim/models.h"

#include "sim/text.h"

namespace headgate::sim {

const Behaviour& Model::next() {
  ++requests_;
  const auto& asked = std::get<Behaviour>(behaviour_);
  return asked.fault_times == 0 || requests_ <= asked.fault_times ? asked : base_;
}

std::shared_ptr<const Script> Model::answer(const Behaviour& behaviour, const Question& question) {
  bool fixed = behaviour.content == Content::Words && !question.close && !question.http10 &&
               question.max_tokens >= behaviour.token_count() &&
               question.endpoint != Endpoint::Embeddings;
  if (!fixed) {
    return std::make_shared<const Script>(make_answer(behaviour, question));
  }
  std::size_t place = question.endpoint == Endpoint::Chat ? 0 : 1;
  place = place * 3 + (question.stream ? 1 + (question.include_usage ? 1 : 0) : 0);
  place = place * 2 + (&behaviour == &base_ ? 1 : 0);
  if (!scripts_[place]) {
    scripts_[place] = std::make_shared<const Script>(make_answer(behaviour, question));
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

std::variant<Behaviour, std::string> ModelTable::behaviour_of_name(std::string_view name) const {
  auto named = options_.models.find(name);
  if (named == options_.models.end()) {
    return behaviour_of(name, options_.behaviour);
  }
  Behaviour behaviour = options_.behaviour;
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
