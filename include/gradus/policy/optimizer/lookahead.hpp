/// An optimizer whose weights are drawn back to slower ones every few steps.
#pragma once

#include <gradus/compose/averaging_mistakes.hpp>
#include <gradus/compose/field.hpp>
#include <gradus/compose/policy_set.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/group_list.hpp>
#include <gradus/policy/optimizer/state_place.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// When to use: few epochs at high rates, where the last weights are noisy and an average that is
/// only evaluated (`EMA`) comes too late to help training.
///
///     Lookahead<Muon>
///     Preset<Lookahead<Preset<AdamW{.lr = 0.01}>>{.every = 6}>
///
/// After `every` steps of `Optimizer` (or a Preset of one), whose run state is kept:
///
///     slow += fraction * (w - slow);   w = slow
///
/// Costs a copy of the weights, and passes over them every so often; in each step where steps are
/// captured or skipped on the device. A step that is skipped does not count. Source: Zhang, Lucas,
/// Hinton and Ba 2019, arXiv:1907.08610, algorithm 1.
template <class Optimizer>
struct Lookahead {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "Lookahead";
  using Base = policy_t<Optimizer>;

  double lr = PolicyTraits<Optimizer>::values().lr;
  Base optimizer = PolicyTraits<Optimizer>::values();  ///< its own `lr` is not looked at
  std::int64_t every = 5;
  double fraction = 0.5;

  static constexpr auto fields() {
    return fields_of(
        field("lr", &Lookahead::lr, positive_float(), "learning rate"),
        detail::fields_but_lr(&Lookahead::optimizer),
        field("every", &Lookahead::every, at_least(1), "steps between two updates of slow weights"),
        field("fraction", &Lookahead::fraction, Range{0, 1, true, false},
              "step size of the slow weights"));
  }

  [[nodiscard]] constexpr std::string_view mistake() const {
    if constexpr (has_own_averages<Base>) {
      return "its optimizer averages its own weights, and Lookahead would pull them away from that "
             "average; leave out one of the two";
    } else if constexpr (requires { base().mistake(); }) {
      return base().mistake();
    } else {
      return "";
    }
  }

  struct State {
    state_of<Base> base;
    std::vector<at::Tensor> parameters{};
    std::vector<at::Tensor> slow{};  ///< of those that have been stepped, else undefined
    std::int64_t steps = 0;          ///< of which the host knows
    at::Tensor more{};               ///< int64 [], of which the device knows
    bool any_more = false;
  };

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    State state{.base = base().start(parameters)};
    for (const auto& parameter : parameters) state.parameters.push_back(parameter.tensor);
    state.slow.resize(parameters.size());
    const auto device = parameters.empty() ? at::Device(at::kCPU) : parameters[0].tensor.device();
    state.more = at::zeros({}, at::device(device).dtype(at::kLong));
    return state;
  }

  [[nodiscard]] constexpr bool has_momentum() const { return base().has_momentum(); }
  [[nodiscard]] constexpr bool steps_on_device() const
    requires(requires(const Base& base) { base.steps_on_device(); })
  {
    return base().steps_on_device();
  }

  void save(const State& state, StateDict& to) const {
    to.put_under("optimizer", [&](StateDict& part) { base().save(state.base, part); });
    to.put("steps", state.steps + (state.any_more ? state.more.template item<std::int64_t>() : 0));
    for (std::size_t i = 0; i < state.slow.size(); ++i) {
      if (state.slow[i].defined()) to.put(entry(i), state.slow[i]);
    }
  }
  void load(State& state, const StateDict& from) const {
    const auto part = from.part("optimizer");
    base().load(state.base, part);
    part.refuse_unread();
    state.steps = from.number("steps");
    state.more.zero_();
    state.any_more = false;
    for (std::size_t i = 0; i < state.slow.size(); ++i) {
      state.slow[i] = from.has(entry(i)) ? state.parameters[i].detach().clone() : at::Tensor();
      if (state.slow[i].defined()) from.get(entry(i), state.slow[i]);
    }
  }

  [[nodiscard]] std::optional<std::size_t> place_of(const State& state,
                                                    std::string_view entry) const {
    constexpr std::string_view of_base = "optimizer/";
    return entry.starts_with(of_base)
               ? place_of_entry(base(), state.base, entry.substr(of_base.size()))
               : number_behind_dot(entry);
  }

  void step(State& state, const Rates& rates) const {
    if (state.any_more) {  // steps on the device came before
      state.steps += state.more.template item<std::int64_t>();
      state.more.zero_();
      state.any_more = false;
    }
    begin(state);
    base().step(state.base, rates);
    if (++state.steps % every != 0) return;
    const auto [weights, slow] = moved(state);
    if (weights.empty()) return;
    at::_foreach_lerp_(slow, weights, fraction);
    at::_foreach_copy_(weights, slow);
  }

  void step_on_device(State& state, const Rates& rates, const at::Tensor& learning_rate,
                      const at::Tensor& found_inf) const
    requires(requires { &Base::step_on_device; })
  {
    if (state.parameters.empty()) return;
    begin(state);
    base().step_on_device(state.base, rates, learning_rate, found_inf);
    const auto taken = found_inf.squeeze().eq(0);
    state.more.add_(taken);
    state.any_more = true;
    const auto due = (state.more + state.steps).remainder(every).eq(0).logical_and_(taken);
    const auto [weights, slow] = moved(state);
    if (weights.empty()) return;
    const auto drawn = at::_foreach_lerp(slow, weights, fraction);
    for (std::size_t i = 0; i < slow.size(); ++i) {
      slow[i].copy_(at::where(due, drawn[i], slow[i]));
      weights[i].copy_(at::where(due, drawn[i], weights[i]));
    }
  }

  /// The next run may begin with other weights.
  void restart(State& state) const {
    if constexpr (requires { base().restart(state.base); }) base().restart(state.base);
    for (auto& slow : state.slow) slow = at::Tensor();
    state.steps = 0;
    state.more.zero_();
    state.any_more = false;
  }

 private:
  [[nodiscard]] constexpr Base base() const {
    auto own = optimizer;
    own.lr = lr;
    return own;
  }
  static std::string entry(std::size_t parameter) { return "slow." + std::to_string(parameter); }

  struct Moved {
    std::vector<at::Tensor> weights, slow;
  };
  /// Before a step: parameters that are updated for the first time begin where they are.
  static void begin(State& state) {
    for (std::size_t i = 0; i < state.parameters.size(); ++i) {
      const auto& parameter = state.parameters[i];
      if (parameter.grad().defined() && !state.slow[i].defined()) {
        state.slow[i] = parameter.detach().clone();
      }
    }
  }
  /// All that were ever updated.
  static Moved moved(const State& state) {
    Moved lists;
    for (std::size_t i = 0; i < state.parameters.size(); ++i) {
      if (!state.slow[i].defined()) continue;
      lists.weights.push_back(state.parameters[i].detach());
      lists.slow.push_back(state.slow[i]);
    }
    return lists;
  }
};

}  // namespace gradus
