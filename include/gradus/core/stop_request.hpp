/// Asking a run to end early, with everything saved.
#pragma once

#include <atomic>
#include <csignal>

namespace gradus {

/// Safe to use from any thread and from a signal handler.
class StopRequest {
 public:
  /// Returns whether it was asked before.
  bool ask() noexcept { return asked_.exchange(true); }
  [[nodiscard]] bool asked() const noexcept { return asked_.load(std::memory_order_relaxed); }
  void clear() noexcept { asked_ = false; }

 private:
  std::atomic<bool> asked_ = false;
  static_assert(std::atomic<bool>::is_always_lock_free);
};

/// While it lives, SIGINT and SIGTERM ask `request`; a second one ends the process at once, as if
/// this were not here. SIGHUP and SIGPIPE do nothing, so that a run outlives its terminal and
/// the reader of what it prints. One at a time in a process.
class StopSignals {
 public:
  explicit StopSignals(StopRequest& request) {
    request_ = &request;
    number_ = 0;
    struct sigaction ask{};
    ask.sa_handler = on_signal;
    ask.sa_flags = SA_RESTART;
    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    for (auto& kept : kept_) ::sigaction(kept.number, kept.asks ? &ask : &ignore, &kept.before);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() {
    for (auto& kept : kept_) ::sigaction(kept.number, &kept.before, nullptr);
    request_ = nullptr;
  }

  /// The signal that asked; 0 if none did.
  [[nodiscard]] static int number() noexcept { return number_.load(); }

 private:
  struct Kept {
    int number;
    bool asks;
    struct sigaction before;
  };

  static void on_signal(int number) {
    auto* request = request_.load();
    if (request != nullptr && !request->ask()) {
      number_ = number;
      return;
    }
    std::signal(number, SIG_DFL);
    ::raise(number);
  }

  inline static std::atomic<StopRequest*> request_ = nullptr;
  inline static std::atomic<int> number_ = 0;
  Kept kept_[4] = {
      {SIGINT, true, {}}, {SIGTERM, true, {}}, {SIGHUP, false, {}}, {SIGPIPE, false, {}}};
};

}  // namespace gradus
