/// The watch over a run's numbers, as a guard policy asks for it.
#pragma once

#include <gradus/core/error.hpp>
#include <gradus/core/guard_plan.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/train/loss_meter.hpp>

#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

class NumericGuard {
 public:
  explicit NumericGuard(const GuardPlan& plan) : plan_(plan) {}

  /// After the backward passes of a run's first window. Throws NumericError for a parameter that is
  /// trained but has no gradient.
  void check_first_gradients(const std::vector<NamedTensor>& parameters) const {
    if (plan_.on_missing_gradient == OnMissingGradient::ignore) return;
    for (const auto& [name, parameter] : parameters) {
      if (!parameter.requires_grad() || parameter.grad().defined()) continue;
      throw NumericError(
          "parameter '" + name +
          "' has no gradient after the first window: forward does not use it, or something cuts it "
          "off, such as detach(); mend the model, freeze it by requires_grad_(false), or set "
          "guard.on_missing_gradient to ignore.");
    }
  }

  /// Before a window that may come to be skipped: what its forward passes change.
  void keep_buffers(const torch::nn::Module& model) {
    if (plan_.on_not_finite != OnNotFinite::skip) return;
    if (kept_.empty()) {
      for (const auto& [name, buffer] : unique_buffers(model)) {
        kept_.emplace_back(buffer, at::empty_like(buffer));
      }
    }
    const at::NoGradGuard no_grad;
    for (auto& [buffer, copy] : kept_) copy.copy_(buffer);
  }

  /// After a window that was skipped.
  void restore_buffers() {
    const at::NoGradGuard no_grad;
    for (auto& [buffer, copy] : kept_) buffer.copy_(copy);
  }

  /// Before a step, when losses and unscaled gradients of its window are there. Returns whether to
  /// take it. Waits for the device, if the policy asks for it at all.
  [[nodiscard]] bool allows_step(const std::vector<NamedTensor>& parameters, const LossMeter& meter,
                                 const LossPlace& place) const {
    if (!plan_.each_step) return true;
    const auto found = trouble(parameters, meter);
    if (!found) return true;
    if (plan_.on_not_finite == OnNotFinite::skip) return false;
    throw NumericError(*found + " is not finite" + at(place) + advice);
  }

  /// After a reading. Throws NumericError for a loss that is not finite or far above the best one,
  /// or returns a warning of it, the first time in a row.
  std::string check_reading(const LossReading& reading, const std::vector<NamedTensor>& parameters,
                            const LossPlace& place) {
    if (reading.not_finite && plan_.on_not_finite == OnNotFinite::stop) {
      throw NumericError("the training loss is not finite" + at(*reading.not_finite) +
                         bad_weights(parameters) + advice);
    }
    if (!reading.mean) return "";
    best_ = std::min(best_, *reading.mean);
    const bool diverged = plan_.divergence > 0 && *reading.mean > plan_.divergence * best_;
    const bool before = std::exchange(diverged_, diverged);
    if (!diverged || before) return "";
    const auto sentence = "the training loss has grown to " + std::to_string(*reading.mean) +
                          ", over " + std::to_string(plan_.divergence) + " times the best one, " +
                          std::to_string(best_) + "," + at(place) + advice;
    if (plan_.on_divergence == OnDivergence::stop) throw NumericError(sentence);
    return sentence;
  }

  /// Of windows whose fate is known. Throws NumericError when too many were skipped in a row.
  void count(std::int64_t taken_or_skipped, std::int64_t skipped_at_end,
             const std::vector<NamedTensor>& parameters, const LossPlace& place) {
    const bool all = skipped_at_end == taken_or_skipped;
    skipped_in_a_row_ = skipped_at_end + (all ? skipped_in_a_row_ : 0);
    if (skipped_in_a_row_ < plan_.max_skipped) return;
    throw NumericError(
        "the last " + std::to_string(skipped_in_a_row_) +
        " optimizer steps were all skipped, because their gradients were not finite," + at(place) +
        bad_weights(parameters) + advice);
  }

  void save(StateDict& to) const {
    to.put("best", at::scalar_tensor(best_, at::kDouble));
    to.put("skipped_in_a_row", skipped_in_a_row_);
    to.put("diverged", std::int64_t{diverged_});
  }
  void load(const StateDict& from) {
    best_ = from.copy("best").item<double>();
    skipped_in_a_row_ = from.number("skipped_in_a_row");
    diverged_ = from.number("diverged") != 0;
  }

 private:
  static constexpr const char* advice =
      "; lower the learning rate, or look at the data of that batch.";

  static std::string at(const LossPlace& place) { return at_place(place); }

  /// What is not finite: a loss, or the gradient of a layer.
  static std::optional<std::string> trouble(const std::vector<NamedTensor>& parameters,
                                            const LossMeter& meter) {
    std::vector<at::Tensor> gradients;
    std::vector<const std::string*> names;
    for (const auto& [name, parameter] : parameters) {
      if (!parameter.grad().defined()) continue;
      gradients.push_back(parameter.grad());
      names.push_back(&name);
    }
    auto losses = meter.open_window();
    const auto count = losses.size();
    const auto norms = at::_foreach_norm(gradients);
    losses.insert(losses.end(), norms.begin(), norms.end());
    const auto finite = at::isfinite(at::stack(losses)).to(at::kCPU);
    const auto* flags = finite.const_data_ptr<bool>();
    for (std::size_t i = 0; i < losses.size(); ++i) {
      if (flags[i]) continue;
      return i < count ? "the training loss" : "the gradient of '" + *names[i - count] + "'";
    }
    return std::nullopt;
  }

  /// The first layer whose weights are lost already.
  static std::string bad_weights(const std::vector<NamedTensor>& parameters) {
    for (const auto& [name, parameter] : parameters) {
      if (!at::isfinite(parameter.detach()).all().item<bool>()) {
        return "; by now the weights '" + name + "' are not finite either";
      }
    }
    return "";
  }

  GuardPlan plan_;
  double best_ = std::numeric_limits<double>::infinity();
  std::int64_t skipped_in_a_row_ = 0;
  bool diverged_ = false;
  std::vector<std::pair<at::Tensor, at::Tensor>> kept_;  ///< buffers and what they held
};

}  // namespace gradus
