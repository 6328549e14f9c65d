#pragma once

#include <utility>

namespace headgate {

class CancelSource;

/// Something that stops when its request is cancelled. Detaches itself when destroyed.
/// Source and hook belong to one event loop.
class CancelHook {
 public:
  CancelHook() = default;
  CancelHook(const CancelHook&) = delete;
  CancelHook& operator=(const CancelHook&) = delete;
  virtual ~CancelHook() { detach(); }

  /// Called once, from CancelSource::cancel(), already detached. Must not throw or destroy the
  /// source.
  virtual void on_cancel() = 0;

  void detach();

 private:
  friend class CancelSource;
  CancelSource* source_ = nullptr;
  CancelHook* next_ = nullptr;
  CancelHook* previous_ = nullptr;
};

/// Cancellation of one request: set once, when the client leaves, the time is up or the gateway
/// stops.
class CancelSource {
 public:
  CancelSource() = default;
  CancelSource(const CancelSource&) = delete;
  CancelSource& operator=(const CancelSource&) = delete;
  ~CancelSource() { reset(); }

  bool cancelled() const { return cancelled_; }

  /// Runs every attached hook, newest first. A second call does nothing.
  void cancel() {
    if (cancelled_) {
      return;
    }
    cancelled_ = true;
    while (first_ != nullptr) {
      CancelHook* hook = first_;
      hook->detach();
      hook->on_cancel();
    }
  }

  /// Runs `hook` on cancel; at once if that has already happened.
  void attach(CancelHook& hook) {
    if (cancelled_) {
      hook.on_cancel();
      return;
    }
    hook.detach();
    hook.source_ = this;
    hook.next_ = first_;
    if (first_ != nullptr) {
      first_->previous_ = &hook;
    }
    first_ = &hook;
  }

  /// Ready for the next request: no hooks, not cancelled.
  void reset() {
    while (first_ != nullptr) {
      first_->detach();
    }
    cancelled_ = false;
  }

 private:
  friend class CancelHook;
  CancelHook* first_ = nullptr;
  bool cancelled_ = false;
};

inline void CancelHook::detach() {
  if (source_ == nullptr) {
    return;
  }
  (previous_ != nullptr ? previous_->next_ : source_->first_) = next_;
  if (next_ != nullptr) {
    next_->previous_ = previous_;
  }
  source_ = nullptr;
  next_ = previous_ = nullptr;
}

/// A hook that calls `function`; lives on the stack of the coroutine that waits.
template <class Function>
class OnCancel final : public CancelHook {
 public:
  OnCancel(CancelSource& source, Function function) : function_(std::move(function)) {
    source.attach(*this);
  }
  void on_cancel() override { function_(); }

 private:
  Function function_;
};

}  // namespace headgate
