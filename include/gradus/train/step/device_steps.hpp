/// The learning rate where only the device knows how many steps were taken, or where a captured
/// step is to find another one each time.
#pragma once

#include <gradus/core/state_dict.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <cstdint>

namespace gradus {

/// A schedule is a pure function of the step, so all its rates fit in a table on the device; a
/// counter there, which skipped steps do not advance, picks the one. Nothing waits for the device.
class DeviceSteps {
 public:
  /// `rate_at(step)` for each step of the run. 8 bytes a step on the CPU, 4 on CUDA, whose kernels
  /// take float32 rates.
  template <class RateAt>
  DeviceSteps(std::int64_t total_steps, c10::Device device, RateAt rate_at)
      : rates_(at::empty({std::max<std::int64_t>(total_steps, 1)},
                         at::device(device).dtype(device.is_cuda() ? at::kFloat : at::kDouble))),
        taken_(at::zeros({1}, at::device(device).dtype(at::kLong))),
        never_(at::zeros({1}, at::device(device).dtype(at::kFloat))) {
    set_rates(rate_at);
  }

  /// Other rates, in the same memory.
  template <class RateAt>
  void set_rates(RateAt rate_at) {
    auto table = at::empty({rates_.numel()}, at::kDouble);
    auto* rates = table.mutable_data_ptr<double>();
    for (std::int64_t step = 0; step < rates_.numel(); ++step) rates[step] = rate_at(step);
    rates_.copy_(table);
  }

  /// Of the next step, [1].
  [[nodiscard]] at::Tensor rate() const { return rates_.index_select(0, taken_); }

  /// `found_inf` [1] is 1 if the step was skipped.
  void advance(const at::Tensor& found_inf) {
    taken_.add_(found_inf.eq(0)).clamp_max_(rates_.numel() - 1);
  }

  /// Zero [1]: the `found_inf` of a run whose steps are all taken.
  [[nodiscard]] const at::Tensor& never() const { return never_; }
  /// Continues after `steps` that were taken.
  void go_on_after(std::int64_t steps) {
    taken_.fill_(std::clamp<std::int64_t>(steps, 0, rates_.numel() - 1));
  }

  void save(StateDict& to) const { to.put("taken", taken_); }
  void load(const StateDict& from) { from.get("taken", taken_); }

 private:
  at::Tensor rates_;  ///< [total steps]
  at::Tensor taken_;  ///< int64 [1]
  at::Tensor never_;  ///< float32 [1]
};

}  // namespace gradus
