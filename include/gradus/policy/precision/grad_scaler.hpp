/// Dynamic loss scaling, which keeps small float16 gradients from vanishing (Micikevicius et al.
/// 2018).
#pragma once

#include <gradus/core/state_dict.hpp>

#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace gradus {

/// The rules are those of torch.amp.GradScaler: every gradient of a window is scaled alike and
/// unscaled once; if any is not finite the step is to be skipped and the scale shrinks; after
/// `growth_interval` finite windows in a row it grows.
class GradScaler {
 public:
  struct Numbers {
    double initial_scale = 65536;
    double growth_factor = 2;
    double backoff_factor = 0.5;
    std::int64_t growth_interval = 2000;  ///< windows
  };

  GradScaler(Numbers numbers, c10::Device device)
      : numbers_(numbers),
        scale_(at::full({1}, numbers.initial_scale, at::device(device).dtype(at::kFloat))),
        growth_tracker_(at::zeros({1}, at::device(device).dtype(at::kInt))),
        found_inf_(at::zeros({1}, at::device(device).dtype(at::kFloat))) {}

  [[nodiscard]] at::Tensor scale(const at::Tensor& loss) const {
    return loss.mul(scale_.squeeze());
  }

  /// Divides the gradients by the scale, in place, and notes whether one is not finite. Once a
  /// window.
  void unscale(const std::vector<at::Tensor>& gradients) {
    found_inf_.zero_();
    const auto inverse = scale_.to(at::kDouble).reciprocal().to(at::kFloat);
    at::_amp_foreach_non_finite_check_and_unscale_(gradients, found_inf_, inverse);
  }

  /// Whether the window's step must be skipped. Waits for the device.
  [[nodiscard]] bool found_inf() const { return found_inf_.item<float>() != 0; }

  /// Likewise without waiting: float32 [1], 1 if it must.
  [[nodiscard]] const at::Tensor& found_inf_flag() const { return found_inf_; }

  /// Adapts the scale to the window just unscaled.
  void update() {
    at::_amp_update_scale_(scale_, growth_tracker_, found_inf_, numbers_.growth_factor,
                           numbers_.backoff_factor, numbers_.growth_interval);
    // Below this its inverse would be infinite, and make NaN of a gradient already found finite.
    scale_.clamp_min_(std::numeric_limits<float>::min());
  }

  void save(StateDict& to) const {
    to.put("scale", scale_);
    to.put("growth_tracker", growth_tracker_);
  }
  void load(const StateDict& from) {
    from.get("scale", scale_);
    from.get("growth_tracker", growth_tracker_);
  }

  /// float32 [1], on the device.
  [[nodiscard]] const at::Tensor& current_scale() const { return scale_; }

 private:
  Numbers numbers_;
  at::Tensor scale_;
  at::Tensor growth_tracker_;  ///< int32 [1]
  at::Tensor found_inf_;       ///< float32 [1], 1 if a gradient was not finite
};

}  // namespace gradus
