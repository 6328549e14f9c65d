#pragma once

#include <memory>

#include "api/service.h"
#include "auth/gate.h"

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

}  // namespace headgate::app
