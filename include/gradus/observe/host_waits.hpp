/// Notices operators that make the host wait for the device: to prove that a step has none.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string_view>

namespace gradus::observe {

/// Counts, while it lives, the operators called by this thread and by the backward threads that
/// work for it. One at a time in a process. Costs time with every operator: for checks, not for
/// runs.
///
/// It sees what is called, so it finds on the CPU what would wait on CUDA: there a `.item()` waits
/// for nothing, but is there. Kernels of fused optimizers call such operators within themselves on
/// the CPU alone, and are ignored.
///
///     const HostWaits watch;
///     trainer.fit(train);
///     watch.waits();  // 0, and watch.copies() is one or two a reading of the loss
class HostWaits {
 public:
  HostWaits() {
    HostWaits* none = nullptr;
    if (!current().compare_exchange_strong(none, this)) {
      throw std::logic_error("gradus: one HostWaits lives already; end it before the next.");
    }
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(see, leave)
                                             .needsOutputs(true)
                                             .scopes({at::RecordScope::FUNCTION}));
  }
  HostWaits(const HostWaits&) = delete;
  HostWaits& operator=(const HostWaits&) = delete;
  ~HostWaits() {
    at::removeCallback(handle_);
    current() = nullptr;
  }

  /// Reads of one value, and questions whose answer has a size that only the device knows.
  [[nodiscard]] std::int64_t waits() const { return waits_; }
  /// Tensors that were asked to be on the CPU, by `cpu` or `to`; not by operators within others or
  /// within a backward pass, which name the device that their input is on.
  [[nodiscard]] std::int64_t copies() const { return copies_; }

 private:
  static constexpr std::array<std::string_view, 7> waiting{
      "aten::item",       "aten::_local_scalar_dense", "aten::nonzero",
      "aten::is_nonzero", "aten::masked_select",       "aten::equal",
      "aten::unique_dim"};

  static std::atomic<HostWaits*>& current() {
    static std::atomic<HostWaits*> one{nullptr};
    return one;
  }

  /// One operator that runs, or one node of a backward pass.
  struct Call : at::ObserverContext {
    bool mutes = false;  ///< what it calls itself is no wait more
    bool moves = false;  ///< to a device that is named, perhaps the CPU
  };
  struct Depths {
    int calls = 0, muting = 0;
  };
  static Depths& depths() {
    static thread_local Depths of_this_thread;
    return of_this_thread;
  }

  static std::unique_ptr<at::ObserverContext> see(const at::RecordFunction& function) {
    const std::string_view name(function.name());
    auto& [calls, muting] = depths();
    const bool waits = std::find(waiting.begin(), waiting.end(), name) != waiting.end();
    if (auto* watch = current().load(); watch != nullptr && waits && muting == 0) ++watch->waits_;
    auto call = std::make_unique<Call>();
    call->mutes = waits || name.starts_with("aten::_fused_");
    call->moves = calls == 0 && names_device(function);
    ++calls;
    muting += call->mutes ? 1 : 0;
    return call;
  }
  static void leave(const at::RecordFunction& function, at::ObserverContext* context) {
    if (context == nullptr) return;
    const auto* call = static_cast<Call*>(context);
    --depths().calls;
    depths().muting -= call->mutes ? 1 : 0;
    auto* watch = current().load();
    if (watch == nullptr || !call->moves) return;
    const auto& results = function.outputs();
    const bool on_cpu =
        !results.empty() && results[0].isTensor() && results[0].toTensor().device().is_cpu();
    watch->copies_ += on_cpu ? 1 : 0;
  }

  /// The overloads of `to` that name a device; `cpu()` is one.
  static bool names_device(const at::RecordFunction& function) {
    if (std::string_view(function.name()) != "aten::to") return false;
    const auto overload = function.operator_name();
    return overload && overload->overload_name != "dtype";
  }

  at::CallbackHandle handle_ = at::INVALID_CALLBACK_HANDLE;
  std::atomic<std::int64_t> waits_{0};
  std::atomic<std::int64_t> copies_{0};
};

}  // namespace gradus::observe
