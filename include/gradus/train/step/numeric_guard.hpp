/// The watch over a run's numbers, as a guard policy asks for it.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/guard/guard_plan.hpp>
#include <gradus/settings/dump.hpp>
#include <gradus/train/step/loss_meter.hpp>
#include <gradus/train/step/loss_spikes.hpp>

#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Looks at losses, gradients and growth as a GuardPlan says, and throws NumericError, skips the
/// step or ends the run.
class NumericGuard {
 public:
  explicit NumericGuard(const GuardPlan& plan) : plan_(plan), spikes_(plan.spike_readings) {}

  /// After the backward passes of a window; looks at the first one of a run. Throws NumericError
  /// for a parameter that is trained but has no gradient, ConfigurationError for one that has a
  /// sparse gradient.
  void check_first_gradients(const std::vector<NamedTensor>& parameters) {
    if (std::exchange(has_looked_, true)) return;
    for (const auto& [name, parameter] : parameters) {
      if (!parameter.grad().defined() || parameter.grad().layout() == at::kStrided) continue;
      throw ConfigurationError("parameter '" + name +
                               "' has a sparse gradient, which no optimizer here takes; make its "
                               "embedding one of dense gradients.");
    }
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
    for (auto& [buffer, copy] : kept_) copy_values(copy, buffer);
  }

  /// After a window that was skipped.
  void restore_buffers() {
    for (auto& [buffer, copy] : kept_) copy_values(buffer, copy);
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

  /// After a reading. Throws NumericError for a loss that is not finite, far above the best one or
  /// a spike, or returns a warning of it, the first time in a row.
  [[nodiscard]] std::string check_reading(const LossReading& reading,
                                          const std::vector<NamedTensor>& parameters,
                                          const LossPlace& place) {
    if (reading.not_finite && plan_.on_not_finite == OnNotFinite::stop) {
      throw NumericError("the training loss is not finite" + at(*reading.not_finite) +
                         bad_weights(parameters) + advice);
    }
    if (!reading.mean) return "";
    const auto spike = check_spike(*reading.mean, place);
    const auto divergence = check_divergence(*reading.mean, place);
    return divergence + (spike.empty() || divergence.empty() ? "" : " And ") + spike;
  }

  /// Of windows whose fate is known. Throws NumericError when too many were skipped in a row.
  void count(std::int64_t taken_or_skipped, std::int64_t skipped_at_end,
             const std::vector<NamedTensor>& parameters, const LossPlace& place) {
    const bool all = skipped_at_end == taken_or_skipped;
    skipped_in_a_row_ = skipped_at_end + (all ? skipped_in_a_row_ : 0);
    if (skipped_in_a_row_ < plan_.max_skipped) return;
    throw NumericError(
        "the last " + std::to_string(skipped_in_a_row_) +
        " optimizer steps were all skipped, because their gradients were not finite or none of "
        "their targets counted," +
        at(place) + bad_weights(parameters) + advice);
  }

  void save(StateDict& to) const {
    to.put("best", best_);
    to.put("highest", highest_);
    to.put("latest", latest_);
    to.put("readings", readings_);
    to.put("skipped_in_a_row", skipped_in_a_row_);
    to.put("diverged", std::int64_t{diverged_});
    to.put("has_looked", std::int64_t{has_looked_});
    if (plan_.spike == 0) return;
    spikes_.save(to);
    to.put("spiked", std::int64_t{spiked_});
  }
  void load(const StateDict& from) {
    best_ = from.real("best");
    highest_ = from.real("highest");
    latest_ = from.real("latest");
    readings_ = from.number("readings");
    skipped_in_a_row_ = from.number("skipped_in_a_row");
    diverged_ = from.number("diverged") != 0;
    has_looked_ = from.number("has_looked") != 0;
    if (plan_.spike == 0) return;
    spikes_.load(from);
    spiked_ = from.has("spiked") && from.number("spiked") != 0;
  }

 private:
  std::string check_divergence(double loss, const LossPlace& place) {
    const bool diverged = grows_too_much(loss);
    const bool before = std::exchange(diverged_, diverged);
    if (!diverged || before) return "";
    const auto sentence =
        "the training loss has grown to " + number(loss) + ", from " + number(best_) +
        " at best, which is more than guard.divergence = " + number(plan_.divergence) + " allows," +
        at(place) + advice;
    if (plan_.on_divergence == OnDivergence::stop) throw NumericError(sentence);
    return sentence;
  }

  std::string check_spike(double loss, const LossPlace& place) {
    if (plan_.spike == 0 || !std::isfinite(loss)) return "";
    const auto spike = spikes_.add(loss, plan_.spike);
    const bool before = std::exchange(spiked_, spike.has_value());
    if (!spike || before) return "";
    const auto sentence =
        "the training loss has a spike: " + number(loss) + " where the median of " + "the last " +
        std::to_string(plan_.spike_readings) + " readings is " + number(spike->median) +
        ", more than guard.spike = " + number(plan_.spike) + " deviations of " +
        number(spike->deviation) + " above it," + at(place) + advice;
    if (plan_.on_spike == OnSpike::stop) throw NumericError(sentence);
    return sentence;
  }

  static std::string number(double value) { return dump(nlohmann::json(value)); }

  /// Differences count, for a loss may be near zero, or below: the rise over the best loss against
  /// the size of that, or against what readings spread over from the begin down to it, if that is
  /// more. The first ten count in any case: they show how much a loss varies.
  bool grows_too_much(double loss) {
    constexpr std::int64_t first_readings = 10;
    const double rise = readings_ > 0 ? loss - best_ : 0;
    const double spread = readings_ > 0 ? highest_ - best_ : 0;
    const double allowed = (plan_.divergence - 1) * std::max(spread, std::abs(best_));
    const bool better = loss < best_;
    if (++readings_ <= first_readings || better) highest_ = std::max({highest_, latest_, loss});
    latest_ = loss;
    if (better) best_ = loss;
    return plan_.divergence > 0 && rise > allowed;
  }

  static constexpr const char* advice =
      "; lower the learning rate, or look at the data of that batch.";

  static std::string at(const LossPlace& place) { return at_place(place); }

  /// What is not finite: a loss, or the gradient of a layer.
  static std::optional<std::string> trouble(const std::vector<NamedTensor>& parameters,
                                            const LossMeter& meter) {
    std::vector<at::Tensor> gradients;
    std::vector<const std::string*> names;
    for (const auto& [name, parameter] : parameters) {
      if (!parameter.grad().defined() || parameter.grad().numel() == 0) continue;
      gradients.push_back(real_parts(parameter.grad()));
      names.push_back(&name);
    }
    auto losses = meter.open_window();
    const auto count = losses.size();
    if (!gradients.empty()) {
      // The largest size of an entry: a sum of squares may overflow where every entry is finite.
      const auto norms = at::_foreach_norm(gradients, std::numeric_limits<double>::infinity());
      losses.insert(losses.end(), norms.begin(), norms.end());
    }
    for (auto& loss : losses) loss = loss.to(at::kDouble);
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
  double highest_ = -std::numeric_limits<double>::infinity();  ///< until the best, and of the first
  double latest_ = -std::numeric_limits<double>::infinity();
  std::int64_t readings_ = 0;
  std::int64_t skipped_in_a_row_ = 0;
  bool diverged_ = false;
  LossSpikes spikes_;
  bool spiked_ = false;                                  ///< at the last reading
  bool has_looked_ = false;                              ///< at the first gradients
  std::vector<std::pair<at::Tensor, at::Tensor>> kept_;  ///< buffers and what they held
};

}  // namespace gradus
