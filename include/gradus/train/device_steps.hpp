/// The learning rate where only the device knows how many steps were taken.
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
      : taken_(at::zeros({1}, at::device(device).dtype(at::kLong))) {
    auto table = at::empty({std::max<std::int64_t>(total_steps, 1)}, at::kDouble);
    auto* rates = table.mutable_data_ptr<double>();
    for (std::int64_t step = 0; step < total_steps; ++step) rates[step] = rate_at(step);
    rates_ = table.to(device, device.is_cuda() ? at::kFloat : at::kDouble);
  }

  /// Of the next step, [1].
  [[nodiscard]] at::Tensor rate() const { return rates_.index_select(0, taken_); }

  /// `found_inf` [1] is 1 if the step was skipped.
  void advance(const at::Tensor& found_inf) {
    taken_.add_(found_inf.eq(0)).clamp_max_(rates_.numel() - 1);
  }

  void save(StateDict& to) const { to.put("taken", taken_); }
  void load(const StateDict& from) { from.get("taken", taken_); }

 private:
  at::Tensor rates_;  ///< [total steps]
  at::Tensor taken_;  ///< int64 [1]
};

}  // namespace gradus
