#pragma once

#include "api/route.h"
#include "dispatch/dispatcher.h"
#include "dispatch/token_counter.h"

namespace headgate::api {

/// POST /v1/messages: Anthropic's chat, passed through to it and translated for others.
class Messages final : public Endpoint {
 public:
  /// Borrows both.
  Messages(const dispatch::Dispatcher& dispatcher, const dispatch::Catalogs& catalogs)
      : dispatcher_(dispatcher), catalogs_(catalogs) {}
  Task<Result<edge::Response>> handle(Call call) const override;
  Result<JobPlan> plan(const edge::Request& request) const override;

 private:
  const dispatch::Dispatcher& dispatcher_;
  const dispatch::Catalogs& catalogs_;
};

/// POST /v1/messages/count_tokens: counted by the vendor where it can, else estimated, which
/// x-headgate-estimated says.
class CountTokens final : public Endpoint {
 public:
  /// Borrows it.
  explicit CountTokens(const dispatch::TokenCounter& counter) : counter_(counter) {}
  Task<Result<edge::Response>> handle(Call call) const override;

 private:
  const dispatch::TokenCounter& counter_;
};

}  // namespace headgate::api
