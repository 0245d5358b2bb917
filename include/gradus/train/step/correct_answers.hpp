/// What a loss policy counts as right in one evaluation, on the device.
#pragma once

#include <gradus/error.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace gradus {

/// Counts nothing where the policy has no `correct`, or the task gives nothing to compare.
template <class Loss>
class CorrectAnswers {
 public:
  CorrectAnswers(const Loss& loss, c10::Device device) : loss_(&loss) {
    if constexpr (counts) counts_ = at::zeros({2}, at::device(device).dtype(at::kLong));
  }

  /// Whether `loss` counts anything of what a task has made of a batch.
  template <class Result>
  [[nodiscard]] static bool compares(const Loss& loss, const Result& result) {
    if constexpr (counts && requires { loss.correct(result.output, result.target); }) {
      if (!result.output.defined() || !result.target.defined()) return false;
      if constexpr (requires { loss.target_mistake(result.output, result.target); }) {
        // The task has another loss than this policy, which counts nothing then.
        return loss.target_mistake(result.output, result.target).empty();
      }
      return true;
    }
    return false;
  }

  template <class Result>
  void add(const Result& result) {
    if constexpr (counts && requires { loss_->correct(result.output, result.target); }) {
      if (!compares(*loss_, result)) return;
      counts_.select(0, 0).add_(loss_->correct(result.output, result.target));
      counts_.select(0, 1).add_(loss_->counted(result.target));
    }
  }

  struct Read {
    std::int64_t correct = 0;
    std::int64_t counted = 0;
  };
  /// Waits for the device. Throws ConfigurationError for counts that cannot be.
  [[nodiscard]] Read read() const {
    if constexpr (!counts) {
      return {};
    } else {
      const auto host = counts_.cpu();
      const auto correct = host[0].template item<std::int64_t>();
      const auto counted = host[1].template item<std::int64_t>();
      if (correct < 0 || correct > counted) {
        throw ConfigurationError("policy " + std::string(Loss::name) + " of axis loss calls " +
                                 std::to_string(correct) + " answers correct of " +
                                 std::to_string(counted) +
                                 " that it counted; let its `correct` and `counted` go together.");
      }
      return {correct, counted};
    }
  }

 private:
  static constexpr bool counts = requires { &Loss::correct; };

  const Loss* loss_;
  at::Tensor counts_;  ///< int64 [2]: correct, counted
};

}  // namespace gradus
