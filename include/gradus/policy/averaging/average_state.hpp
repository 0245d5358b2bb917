/// What the averaging policies have in common: their run state and two of their numbers.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/core/step_context.hpp>

#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/empty_like.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// A mean of each parameter; empty until the first weights came. That of 16-bit weights is kept in
/// float32: in their own type a small part of a difference would round to nothing, and the mean
/// stand still. Of whole numbers there is no mean but the last ones.
struct AverageState {
  std::vector<at::Tensor> weights;  ///< the parameters, for the form of their averages
  std::vector<at::Tensor> averages;
  std::int64_t averaged = 0;  ///< weights that came

  /// Of `parameters`, with no weights yet.
  [[nodiscard]] static AverageState of(const std::vector<NamedTensor>& parameters) {
    AverageState state;
    for (const auto& parameter : parameters) state.weights.push_back(parameter.tensor.detach());
    return state;
  }

  /// averages += part * (weights - averages); the first weights are taken whole.
  void add(const StepContext& context, double part) {
    const at::NoGradGuard no_grad;
    const bool first = averaged++ == 0;
    std::vector<at::Tensor> means;
    std::vector<at::Tensor> now;
    for (std::size_t i = 0; i < context.parameters.size(); ++i) {
      const auto weight = context.parameters[i].tensor.detach();
      if (first) {
        averages.push_back(at::empty_like(weight, type_of(weight)).copy_(weight));
      } else if (!has_mean(weight)) {
        averages[i].copy_(weight);
      } else {
        means.push_back(averages[i]);
        now.push_back(weight.to(averages[i].scalar_type()));
      }
    }
    if (!means.empty()) at::_foreach_lerp_(means, now, part);
  }

  void save(StateDict& to) const {
    to.put("averaged", averaged);
    for (std::size_t i = 0; i < averages.size(); ++i) {
      to.put("average." + std::to_string(i), averages[i]);
    }
  }
  void load(const StateDict& from) {
    averaged = from.number("averaged");
    averages.clear();
    for (std::size_t i = 0; averaged > 0 && i < weights.size(); ++i) {
      averages.push_back(at::empty_like(weights[i], type_of(weights[i])));
      from.get("average." + std::to_string(i), averages.back());
    }
  }

 private:
  static bool has_mean(const at::Tensor& weight) {
    return weight.is_floating_point() || weight.is_complex();
  }
  /// Of the average of `weight`.
  static at::ScalarType type_of(const at::Tensor& weight) {
    const auto type = weight.scalar_type();
    return at::isReducedFloatingType(type) ? at::kFloat : type;
  }
};

/// Why a run gets no average, where the policy updates it after the steps that are multiples of
/// `every` and come after the first `begin` ones, as a clause, or "".
inline std::string no_average_mistake(std::int64_t total_steps, std::int64_t every, double begin) {
  const auto last = total_steps - total_steps % every;
  if (last > 0 && static_cast<double>(last) > begin) return "";
  return "the average is updated after every " + std::to_string(every) +
         " steps, which never comes in a run of " + std::to_string(total_steps) +
         " steps; lower averaging.every, or train for longer";
}

/// The numbers `every` and `batches` of `P`.
template <class P>
constexpr auto average_fields() {
  return fields_of(
      field("every", &P::every, at_least(1), "optimizer steps between two updates of the average"),
      field("batches", &P::batches, at_least(0),
            "training batches over which batch-norm statistics are recomputed; 0: keep those of "
            "the trained weights"));
}

}  // namespace gradus
