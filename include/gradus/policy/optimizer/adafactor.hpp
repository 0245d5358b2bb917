/// Adafactor: the second moment of a matrix kept as one row and one column.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/decay.hpp>
#include <gradus/policy/optimizer/number_types.hpp>

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// When to use: models whose optimizer state does not fit in memory.
///
/// Of a parameter [..., R, C] only the means of the squared gradient over rows and over columns
/// are kept; of a vector the whole. The step is relative to the size of the weights and clipped to
/// `clip` in its root mean square. Nothing waits for the device.
///
/// Equals torch.optim.Adafactor. Source: Shazeer and Stern 2018, algorithms 4 and 5.
struct Adafactor {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "Adafactor";

  double lr = 0.01;
  double beta2_decay = -0.8;
  double eps = 1e-3;
  double clip = 1;
  double weight_decay = 0;
  Decay decay = Decay::all;

  static constexpr auto fields() {
    return fields_of(
        field("lr", &Adafactor::lr, positive_float(), "largest step relative to the weights"),
        field("beta2_decay", &Adafactor::beta2_decay, Range{-1, 0, false, true},
              "exponent: a new squared gradient has the weight step^beta2_decay"),
        field("eps", &Adafactor::eps, positive(),
              "lower bound on the RMS of the weights that scales a step"),
        field("clip", &Adafactor::clip, positive(), "largest root mean square of a step"),
        field("weight_decay", &Adafactor::weight_decay, at_least(0), "decoupled, times the rate"),
        field("decay", &Adafactor::decay, "which parameters decay"));
  }

  struct State {
    std::vector<at::Tensor> parameters;
    std::vector<at::Tensor> rows;     ///< [..., R, 1]; of a vector the whole second moment
    std::vector<at::Tensor> columns;  ///< [..., 1, C]; undefined for a vector
    std::vector<std::int64_t> steps;
  };

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    State state;
    for (const auto& named : parameters) {
      const auto& parameter = named.tensor;
      refuse_complex(named, name);
      const auto options = parameter.options().requires_grad(false);
      auto rows = parameter.sizes().vec();
      auto columns = rows;
      state.parameters.push_back(parameter);
      state.steps.push_back(0);
      if (parameter.dim() > 1) {
        rows.back() = 1;
        columns[columns.size() - 2] = 1;
      }
      state.rows.push_back(at::zeros(rows, options));
      state.columns.push_back(parameter.dim() > 1 ? at::zeros(columns, options) : at::Tensor());
    }
    return state;
  }

  [[nodiscard]] constexpr bool has_momentum() const { return false; }

  void save(const State& state, StateDict& to) const {
    for (std::size_t i = 0; i < state.parameters.size(); ++i) {
      const auto number = std::to_string(i);
      to.put("rows." + number, state.rows[i]);
      if (state.columns[i].defined()) to.put("columns." + number, state.columns[i]);
      to.put("steps." + number, state.steps[i]);
    }
  }
  void load(State& state, const StateDict& from) const {
    for (std::size_t i = 0; i < state.parameters.size(); ++i) {
      const auto number = std::to_string(i);
      from.get("rows." + number, state.rows[i]);
      if (state.columns[i].defined()) from.get("columns." + number, state.columns[i]);
      state.steps[i] = from.number("steps." + number);
    }
  }

  void step(State& state, const Rates& rates) const {
    for (std::size_t i = 0; i < state.parameters.size(); ++i) {
      const auto& gradient = state.parameters[i].grad();
      if (!gradient.defined() || gradient.numel() == 0) continue;
      const auto parameter = state.parameters[i].detach();
      const auto taken = static_cast<double>(++state.steps[i]);
      const double shrink = decay_of(group_of(parameter), decay, weight_decay);
      const auto size = root_mean_square(parameter).clamp_min(eps);
      if (shrink != 0) parameter.mul_(1 - rates.learning_rate * shrink);
      const auto update =
          second_moment(state, i, gradient, std::pow(taken, beta2_decay)).rsqrt_().mul_(gradient);
      const auto excess = (root_mean_square(update) / clip).clamp_min(1);
      const double rate = std::min(rates.learning_rate, 1 / std::sqrt(taken));
      parameter.sub_(update.mul_(size * rate / excess));
    }
  }

 private:
  static at::Tensor root_mean_square(const at::Tensor& tensor) {
    return at::linalg_vector_norm(tensor) / std::sqrt(static_cast<double>(tensor.numel()));
  }

  /// Mean of the squared gradient along dimension `along`.
  static at::Tensor mean_square(const at::Tensor& gradient, std::int64_t along) {
    return at::linalg_vector_norm(gradient, 2, {along}, /*keepdim=*/true)
        .square_()
        .div_(gradient.size(along));
  }

  static at::Tensor second_moment(State& state, std::size_t i, const at::Tensor& gradient,
                                  double part) {
    const double tiny = limits_of(gradient.scalar_type()).epsilon;
    if (gradient.dim() <= 1) {
      return state.rows[i].lerp_(gradient * gradient, part).clamp_min(tiny * tiny);
    }
    const auto& rows = state.rows[i].lerp_(mean_square(gradient, -1), part);
    const auto& columns = state.columns[i].lerp_(mean_square(gradient, -2), part);
    return rows.matmul(columns).div_(rows.mean({-2}, true).clamp_min(tiny)).clamp_min_(tiny * tiny);
  }
};
static_assert(OptimizerPolicy<Adafactor>);

}  // namespace gradus
