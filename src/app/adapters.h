#pragma once

#include <memory>
#include <string>
#include <utility>

#include "api/service.h"
#include "auth/gate.h"
#include "limits/limiter.h"

// Small pieces that let one folder use another through the interface it declares.
namespace headgate::app {

class GateAdapter final : public api::Authenticator {
 public:
  explicit GateAdapter(const auth::Gate& gate) : gate_(gate) {}
  Result<std::shared_ptr<const model::Principal>> authenticate(
      const edge::Request& request, const model::RequestContext& context) const override {
    return gate_.authenticate(request, context);
  }

 private:
  const auth::Gate& gate_;
};

class LimiterAdapter final : public api::Admission {
 public:
  explicit LimiterAdapter(limits::Limiter& limiter) : limiter_(limiter) {}
  Result<std::shared_ptr<void>> admit(const model::RequestContext& context,
                                      std::string& fields) const override {
    auto permit = limiter_.admit(*context.principal, context.started);
    if (!permit) {
      limits::append_limit_fields(fields, limiter_.status(*context.principal, context.started));
      return fail(permit.error());
    }
    limits::append_limit_fields(fields, permit->status());
    if (!permit->holds_slot()) {
      return std::shared_ptr<void>();
    }
    return std::shared_ptr<void>(std::make_shared<limits::Permit>(std::move(*permit)));
  }

 private:
  limits::Limiter& limiter_;
};

}  // namespace headgate::app
