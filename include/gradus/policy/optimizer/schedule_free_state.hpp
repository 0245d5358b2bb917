/// The run state of an optimizer that averages its own iterates.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/optimizer/moved_parameters.hpp>

#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gradus {

/// The steps that a parameter has behind it. Those with the same are updated together.
struct AveragedSteps {
  std::int64_t taken = 0;     ///< that its second moment has seen
  std::int64_t averaged = 0;  ///< that its average has seen
  double largest_rate = 0;    ///< of those that were averaged
  double weight_sum = 0;      ///< likewise

  auto operator<=>(const AveragedSteps&) const = default;

  /// Adds a step at `rate`, whose weight in the average is
  /// averaged^step_power * largest_rate^rate_power. Returns its part of the average, 0 while all
  /// rates were 0.
  double add(double rate, double step_power, double rate_power) {
    ++taken;
    ++averaged;
    largest_rate = std::max(rate, largest_rate);
    const double weight =
        std::pow(static_cast<double>(averaged), step_power) * std::pow(largest_rate, rate_power);
    weight_sum += weight;
    return weight_sum > 0 ? weight / weight_sum : 0;
  }
};

/// For each parameter y, which the model holds: z, whose steps are those of the gradients, the
/// second moment, and the steps so far. A parameter takes no memory before its first step.
struct ScheduleFreeState {
  std::vector<NamedTensor> parameters;
  std::vector<at::Tensor> base{};     ///< z; undefined before its first step
  std::vector<at::Tensor> moments{};  ///< likewise
  std::vector<AveragedSteps> steps{};

  /// Throws ConfigurationError for a trained parameter of 16 bits.
  explicit ScheduleFreeState(const std::vector<NamedTensor>& named) : parameters(named) {
    for (const auto& parameter : named) {
      if (parameter.tensor.requires_grad()) refuse_16_bits(parameter);
    }
    base.resize(named.size());
    moments.resize(named.size());
    steps.resize(named.size());
  }

  /// Those of `group` that a step updates, with z and the second moment, by the steps before it.
  [[nodiscard]] std::map<AveragedSteps, MovedByType<2>> moved(ParameterGroup group) {
    std::map<AveragedSteps, MovedByType<2>> lists;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto& parameter = parameters[i].tensor;
      if (!is_moved(parameter, group)) continue;
      if (!base[i].defined()) {
        refuse_16_bits(parameters[i]);  // it was frozen at the start
        base[i] = parameter.detach().clone();
      }
      if (!moments[i].defined()) moments[i] = at::zeros_like(parameter.detach());
      lists[steps[i]].of(parameter).add(i, parameter, {&base[i], &moments[i]});
    }
    return lists;
  }

  /// y + part * (z - y) for each parameter, y itself where it has not been stepped; nothing if none
  /// has been.
  [[nodiscard]] std::vector<at::Tensor> blended(double part) const {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> all, trained, bases;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      all.push_back(parameters[i].tensor.detach());
      if (!base[i].defined()) continue;
      trained.push_back(all.back());
      bases.push_back(base[i]);
      places.push_back(i);
    }
    if (places.empty()) return {};
    const auto blends = at::_foreach_lerp(trained, bases, part);
    for (std::size_t k = 0; k < places.size(); ++k) all[places[k]] = blends[k];
    return all;
  }

  /// A new average begins with the parameters as they will be then.
  void forget_average() {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      base[i] = at::Tensor();
      steps[i] = {.taken = steps[i].taken};
    }
  }

  void save(StateDict& to) const {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (steps[i].taken == 0) continue;
      const auto number = std::to_string(i);
      auto numbers = at::empty({4}, at::kDouble);
      auto* of = numbers.mutable_data_ptr<double>();
      of[0] = static_cast<double>(steps[i].taken);
      of[1] = static_cast<double>(steps[i].averaged);
      of[2] = steps[i].largest_rate;
      of[3] = steps[i].weight_sum;
      to.put("steps." + number, numbers);
      to.put("second_moment." + number, moments[i]);
      if (base[i].defined()) to.put("base." + number, base[i]);
    }
  }
  void load(const StateDict& from) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto number = std::to_string(i);
      const auto parameter = parameters[i].tensor.detach();
      steps[i] = {};
      base[i] = moments[i] = at::Tensor();
      if (!from.has("steps." + number)) continue;
      auto numbers = at::empty({4}, at::kDouble);
      from.get("steps." + number, numbers);
      const auto* of = numbers.const_data_ptr<double>();
      steps[i] = {.taken = static_cast<std::int64_t>(of[0]),
                  .averaged = static_cast<std::int64_t>(of[1]),
                  .largest_rate = of[2],
                  .weight_sum = of[3]};
      moments[i] = at::zeros_like(parameter);
      from.get("second_moment." + number, moments[i]);
      if (steps[i].averaged == 0) continue;
      base[i] = at::zeros_like(parameter);
      from.get("base." + number, base[i]);
    }
  }

 private:
  static void refuse_16_bits(const NamedTensor& parameter) {
    const auto type = parameter.tensor.scalar_type();
    if (!at::isReducedFloatingType(c10::toRealValueType(type))) return;
    throw ConfigurationError("parameter '" + parameter.name + "' is " + c10::toString(type) +
                             ", but a schedule-free optimizer averages many small steps, which "
                             "are lost in 16 bits; train float32 weights, with Mixed for 16-bit "
                             "products.");
  }
};

}  // namespace gradus
