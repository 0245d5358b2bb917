/// The running loss, summed on the device and read once per log interval.
#pragma once

#include <gradus/core/error.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace gradus {

/// Sums losses weighted by samples; the mean is undivided by accumulation.
class LossMeter {
 public:
  explicit LossMeter(c10::Device device)
      : sum_(at::zeros({}, at::device(device).dtype(at::kFloat))) {}

  /// `loss` [] is the mean over `samples`.
  void add(const at::Tensor& loss, std::int64_t samples) {
    sum_.add_(loss.detach(), samples);
    samples_ += samples;
  }

  /// Mean since the reading before. Waits for the device. Throws NumericError if it is not finite.
  /// `what` and `step` stand in the error.
  double read(const std::string& what, std::int64_t step) {
    const double sum = sum_.item<float>();
    if (!std::isfinite(sum)) {
      throw NumericError("the " + what + " loss is not finite at optimizer step " +
                         std::to_string(step) +
                         "; lower the learning rate, or look at the data of that step.");
    }
    const double mean = samples_ == 0 ? 0 : sum / static_cast<double>(samples_);
    total_sum_ += sum;
    total_samples_ += samples_;
    sum_.zero_();
    samples_ = 0;
    return mean;
  }

  /// Over everything read so far.
  [[nodiscard]] double mean() const {
    return total_samples_ == 0 ? 0 : total_sum_ / static_cast<double>(total_samples_);
  }
  [[nodiscard]] std::int64_t samples() const { return total_samples_ + samples_; }

 private:
  at::Tensor sum_;  ///< float32 []
  std::int64_t samples_ = 0;
  double total_sum_ = 0;
  std::int64_t total_samples_ = 0;
};

}  // namespace gradus
