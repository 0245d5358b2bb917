/// Muon: momentum made orthogonal, for the weights of convolutions and linear layers.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/moments.hpp>
#include <gradus/policy/optimizer/number_types.hpp>
#include <gradus/policy/optimizer/orthogonal.hpp>

#include <ATen/ops/stack.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gradus {

/// How the rate follows a weight's form [A, B]: `original` times sqrt(max(1, A / B));
/// `match_rms_adamw` times 0.2 sqrt(max(A, B)), so that AdamW's rates and decays fit.
enum class MuonRate { original, match_rms_adamw };

constexpr std::array<std::string_view, 2> enum_names(MuonRate) {
  return {"original", "match_rms_adamw"};
}

/// When to use: few epochs; it learns more per step than AdamW at the cost of a few matrix products
/// per weight. Weights of two dimensions or more are taken as matrices [out, rest]; all others are
/// moved by `fallback`, an AdamW whose rate keeps its proportion to `lr` under any schedule.
///
///     m = momentum m + (1 - momentum) g;   u = (1 - momentum) g + momentum m   (Nesterov)
///     w -= lr * weight_decay * w;   w -= lr * scale * orthogonal(u)
///
/// `orthogonal` is five Newton-Schulz steps. On matrices equal to torch.optim.Muon within what the
/// latter's bfloat16 spreads over; weights of one form share products, so that the last bits of one
/// may depend on which others have gradients.
/// Source: Jordan et al. 2024, "Muon"; scale: Liu et al. 2025, "Muon is Scalable", section 2.2.
struct Muon {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "Muon";

  double lr = 1e-3;
  double momentum = 0.95;
  bool nesterov = true;
  double weight_decay = 0.1;
  std::int64_t newton_schulz_steps = 5;
  MuonRate rate = MuonRate::original;
  AdamW fallback{};

  static constexpr auto fields() {
    return fields_of(
        field("lr", &Muon::lr, positive_float(), "learning rate of matrices"),
        field("momentum", &Muon::momentum, fraction(), "decay of the momentum"),
        field("nesterov", &Muon::nesterov, "look ahead along the momentum"),
        field("weight_decay", &Muon::weight_decay, at_least(0), "decoupled, times the rate"),
        field("newton_schulz_steps", &Muon::newton_schulz_steps, between(1, 99),
              "iterations towards an orthogonal matrix"),
        field("rate", &Muon::rate, "how the rate follows the form of a matrix"),
        fields_of_part("fallback", &Muon::fallback));
  }

  struct State {
    Moments<1> matrices;
    AdamState others;
  };

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    std::vector<NamedTensor> matrices;
    std::vector<NamedTensor> others;
    for (const auto& parameter : parameters) {
      if (is_matrix(parameter.tensor)) refuse_complex(parameter, name);
      (is_matrix(parameter.tensor) ? matrices : others).push_back(parameter);
    }
    return {Moments<1>(matrices), fallback.start(others)};
  }

  [[nodiscard]] constexpr bool has_momentum() const { return true; }

  void save(const State& state, StateDict& to) const {
    state.matrices.save(to, {"momentum"});
    fallback.save(state.others, to);
  }
  void load(State& state, const StateDict& from) const {
    state.matrices.load(from, {"momentum"});
    fallback.load(state.others, from);
  }

  void step(State& state, const Rates& rates) const {
    fallback.step(state.others, {rates.learning_rate * fallback.lr / lr, rates.momentum});
    state.matrices.moved(ParameterGroup::weights).for_each([&](const MovedParameters<1>& moved) {
      for (const auto& batch : batches_of_one_form(moved.parameters)) move(moved, batch, rates);
    });
  }

 private:
  static bool is_matrix(const at::Tensor& parameter) {
    return group_of(parameter) == ParameterGroup::weights;
  }

  /// Moves those of the parameters that are at the places of `batch`, all of one form.
  void move(const MovedParameters<1>& moved, const std::vector<std::size_t>& batch,
            const Rates& rates) const {
    std::vector<at::Tensor> updates;
    for (const auto place : batch) {
      const auto update = update_of(moved.gradients[place], moved.moments[0][place], rates);
      updates.push_back(as_stored(moved.parameters[place], update).reshape({update.size(0), -1}));
    }
    const auto directions = orthogonal(at::stack(updates), newton_schulz_steps,
                                       orthogonal_type(updates.front().device()));
    const double step = rates.learning_rate * scale(updates.front());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto weight = as_stored(moved.parameters[batch[i]], moved.parameters[batch[i]]);
      weight.mul_(1 - rates.learning_rate * weight_decay);
      weight.add_(directions[static_cast<std::int64_t>(i)].view(weight.sizes()), -step);
    }
  }

  [[nodiscard]] at::Tensor update_of(const at::Tensor& gradient, const at::Tensor& momentum_of,
                                     const Rates& rates) const {
    const double mu = rates.momentum.value_or(momentum);
    momentum_of.lerp_(gradient, 1 - mu);
    return nesterov ? gradient.lerp(momentum_of, mu) : momentum_of;
  }

  /// `values` [O, I, k, k] as [O, k, k, I] if `parameter` lies in memory so: the order of a
  /// matrix's columns does not matter, and none is copied.
  static at::Tensor as_stored(const at::Tensor& parameter, const at::Tensor& values) {
    const bool channels_inside = parameter.dim() == 4 && !parameter.is_contiguous() &&
                                 parameter.is_contiguous(at::MemoryFormat::ChannelsLast);
    return channels_inside ? values.permute({0, 2, 3, 1}) : values;
  }

  [[nodiscard]] double scale(const at::Tensor& matrix) const {
    const auto rows = static_cast<double>(matrix.size(0));
    const auto columns = static_cast<double>(matrix.size(1));
    return rate == MuonRate::original ? std::sqrt(std::max(1.0, rows / columns))
                                      : 0.2 * std::sqrt(std::max(rows, columns));
  }
};
static_assert(OptimizerPolicy<Muon>);

}  // namespace gradus
