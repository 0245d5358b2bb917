/// Muon: momentum made orthogonal, for the weights of convolutions and linear layers.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/moments.hpp>
#include <gradus/policy/optimizer/muon_choices.hpp>
#include <gradus/policy/optimizer/number_types.hpp>
#include <gradus/policy/optimizer/orthogonal.hpp>
#include <gradus/policy/optimizer/state_place.hpp>
#include <gradus/policy/optimizer/weight_matrices.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus {

/// When to use: few epochs; it learns more per step than AdamW at the cost of a few matrix products
/// per weight. Weights of two dimensions or more are taken as matrices [out, rest]; all others are
/// moved by `fallback`, an AdamW whose rate keeps its proportion to `lr` under any schedule.
///
///     m = momentum m + (1 - momentum) g;   u = (1 - momentum) g + momentum m   (Nesterov)
///     w -= lr * weight_decay * w;   w -= lr * scale * orthogonal(u)
///
/// `orthogonal` is five Newton-Schulz steps. On matrices equal to torch.optim.Muon within what the
/// latter's bfloat16 spreads over; weights of one form share products, so that the last bits of one
/// may depend on which others have gradients. `normalize_weights`, for layers in front of a norm,
/// which do not depend on the size of their weights: w *= sqrt(out) / |w| before each step, so that
/// the rate alone says how far a step turns them.
/// Source: Jordan et al. 2024, "Muon"; scale: Liu et al. 2025, "Muon is Scalable", section 2.2;
/// normalized weights: Jordan's airbench94_muon.py of 2024.
struct Muon {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "Muon";

  double lr = 1e-3;
  double momentum = 0.95;
  bool nesterov = true;
  double weight_decay = 0.1;
  bool normalize_weights = false;
  std::int64_t newton_schulz_steps = 5;
  MuonRate rate = MuonRate::original;
  MuonProducts products = MuonProducts::by_device;
  AdamW fallback{};

  static constexpr auto fields() {
    return fields_of(
        field("lr", &Muon::lr, positive_float(), "learning rate of matrices"),
        field("momentum", &Muon::momentum, fraction(), "decay of the momentum"),
        field("nesterov", &Muon::nesterov, "look ahead along the momentum"),
        field("weight_decay", &Muon::weight_decay, at_least(0), "decoupled, times the rate"),
        field("normalize_weights", &Muon::normalize_weights,
              "before a step, scale each matrix to the norm of its number of rows' root"),
        field("newton_schulz_steps", &Muon::newton_schulz_steps, between(1, 99),
              "iterations towards an orthogonal matrix"),
        field("rate", &Muon::rate, "how the rate follows the form of a matrix"),
        field("products", &Muon::products, "number type of the iterations' products"),
        fields_of_part("fallback", &Muon::fallback));
  }

  struct State {
    Moments<1> matrices;
    AdamState others;
    std::array<std::vector<std::size_t>, 2> places;  ///< of both, in the list of all
  };

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    std::array<std::vector<NamedTensor>, 2> lists;
    std::array<Places, 2> places;
    for (std::size_t place = 0; place < parameters.size(); ++place) {
      const bool is_other = !is_matrix(parameters[place].tensor);
      if (!is_other) refuse_complex(parameters[place], name);
      lists[is_other].push_back(parameters[place]);
      places[is_other].push_back(place);
    }
    return {Moments<1>(lists[0]), fallback.start(lists[1]), std::move(places)};
  }

  [[nodiscard]] constexpr bool has_momentum() const { return true; }
  [[nodiscard]] constexpr bool steps_on_device() const { return true; }

  void save(const State& state, StateDict& to) const {
    state.matrices.save(to, {"momentum"});
    fallback.save(state.others, to);
  }
  void load(State& state, const StateDict& from) const {
    state.matrices.load(from, {"momentum"});
    fallback.load(state.others, from);
  }

  /// Matrices and others are numbered apart.
  [[nodiscard]] std::optional<std::size_t> place_of(const State& state,
                                                    std::string_view entry) const {
    return place_among(state.places[entry.starts_with("momentum.") ? 0 : 1], entry);
  }

  void step(State& state, const Rates& rates) const {
    fallback.step(state.others, of_fallback(rates));
    each_batch(state, [&](const MovedParameters<1>& moved, const Places& batch) {
      move(moved, batch, rates);
    });
  }

  void step_on_device(State& state, const Rates& rates, const at::Tensor& learning_rate,
                      const at::Tensor& found_inf) const {
    fallback.step_on_device(state.others, of_fallback(rates), learning_rate * (fallback.lr / lr),
                            found_inf);
    const auto scalar = learning_rate.squeeze();  // of no dimension, it leaves types as they are
    each_batch(state, [&](const MovedParameters<1>& moved, const Places& batch) {
      move_at_once(moved, batch, momentum_of(rates), scalar, found_inf);
    });
  }

 private:
  using Places = std::vector<std::size_t>;

  static bool is_matrix(const at::Tensor& parameter) {
    return group_of(parameter) == ParameterGroup::weights;
  }
  [[nodiscard]] Rates of_fallback(const Rates& rates) const {
    return {rates.learning_rate * fallback.lr / lr, rates.momentum};
  }
  [[nodiscard]] double momentum_of(const Rates& rates) const {
    return rates.momentum.value_or(momentum);
  }

  template <class Visit>
  static void each_batch(State& state, const Visit& visit) {
    state.matrices.moved(ParameterGroup::weights).for_each([&](const MovedParameters<1>& moved) {
      for (const auto& batch : batches_of_one_form(moved.parameters)) visit(moved, batch);
    });
  }

  /// Moves those of the parameters that are at the places of `batch`, all of one form.
  void move(const MovedParameters<1>& moved, const Places& batch, const Rates& rates) const {
    std::vector<at::Tensor> updates;
    for (const auto place : batch) {
      const auto update =
          update_of(moved.gradients[place], moved.moments[0][place], momentum_of(rates));
      updates.push_back(matrix_of(moved.parameters[place], update));
    }
    const auto directions = direction_of(at::stack(updates));
    directions.mul_(rates.learning_rate * scale(directions));
    const auto factors =
        normalize_weights
            ? unit_factors(stacked_matrices(moved.parameters, batch, moved.parameters))
            : at::Tensor();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto weight = in_stored_order(moved.parameters[batch[i]], moved.parameters[batch[i]]);
      if (normalize_weights) weight.mul_(factors[static_cast<std::int64_t>(i)]);
      weight.mul_(1 - rates.learning_rate * weight_decay);
      weight.sub_(directions[static_cast<std::int64_t>(i)].view(weight.sizes()));
    }
  }

  /// The same in as few operators as there can be, whatever the number of parameters, which are
  /// copied for it. The rate is a tensor []; a step is void where `found_inf` [1] is 1.
  void move_at_once(const MovedParameters<1>& moved, const Places& batch, double mu,
                    const at::Tensor& learning_rate, const at::Tensor& found_inf) const {
    const auto put_back = [&](const std::vector<at::Tensor>& tensors, const at::Tensor& before,
                              const at::Tensor& after) {
      const auto values = at::where(found_inf.ne(0), before, after);
      std::vector<at::Tensor> to, from;
      for (std::size_t i = 0; i < batch.size(); ++i) {
        to.push_back(in_stored_order(moved.parameters[batch[i]], tensors[batch[i]]));
        from.push_back(values[static_cast<std::int64_t>(i)].view(to.back().sizes()));
      }
      at::_foreach_copy_(to, from);
    };
    const auto gradients = stacked_matrices(moved.parameters, batch, moved.gradients);
    const auto momenta = stacked_matrices(moved.parameters, batch, moved.moments[0]);
    const auto averages = momenta.clone();
    const auto directions = direction_of(update_of(gradients, averages, mu));
    put_back(moved.moments[0], momenta, averages);
    const auto weights = stacked_matrices(moved.parameters, batch, moved.parameters);
    put_back(moved.parameters, weights,
             (normalize_weights ? weights * unit_factors(weights) : weights) *
                     (1 - learning_rate * weight_decay) -
                 directions * (learning_rate * scale(directions)));
  }

  [[nodiscard]] at::Tensor direction_of(const at::Tensor& updates) const {
    constexpr std::array pinned{c10::kFloat, c10::kBFloat16, c10::kHalf};
    const auto type = products == MuonProducts::by_device
                          ? orthogonal_type(updates.device())
                          : pinned[static_cast<std::size_t>(products) - 1];
    return orthogonal(updates, newton_schulz_steps, type).to(updates.scalar_type());
  }

  [[nodiscard]] at::Tensor update_of(const at::Tensor& gradient, const at::Tensor& average,
                                     double mu) const {
    average.lerp_(gradient, 1 - mu);
    return nesterov ? gradient.lerp(average, mu) : average;
  }

  /// Of `matrices` [B, rows, columns].
  [[nodiscard]] double scale(const at::Tensor& matrices) const {
    const auto rows = static_cast<double>(matrices.size(1));
    const auto columns = static_cast<double>(matrices.size(2));
    switch (rate) {
      case MuonRate::match_rms_adamw:
        return 0.2 * std::sqrt(std::max(rows, columns));
      case MuonRate::spectral_unclamped:
        return std::sqrt(rows / columns);
      case MuonRate::original:
        break;
    }
    return std::sqrt(std::max(1.0, rows / columns));
  }
};
static_assert(OptimizerPolicy<Muon>);

}  // namespace gradus
