/// The optimizer axis: how gradients move the weights.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>
#include <gradus/core/rates.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace gradus {

/// An optimizer policy
/// - has a learning rate `lr` of its own, which a schedule starts from or ignores;
/// - makes by `start(parameters)` its run state for the unique parameters, once for a trainer: a
///   second `fit` keeps it. A number type that it cannot update is refused there, by name;
/// - updates by `step(state, rates)` each parameter that has a gradient, in place, without waiting
///   for the device: element i by element i of the gradient, whatever the strides of either, and no
///   other memory. Gradients are finite and already unscaled, clipped and averaged;
/// - says by `has_momentum()` whether a schedule may set its momentum;
/// - may also step where only the device knows whether the gradients are finite:
///   `step_on_device(state, rates, learning_rate, found_inf)` takes the rate as a tensor [1] in
///   place of the one in `rates`, and changes nothing, its own counts included, if `found_inf` [1]
///   is 1. Captured steps are made of it too, so it changes its state in place.
///   `steps_on_device()` says whether it can do so with its numbers;
/// - may also have `restart(state)`, called where a further run begins, whose weights may be
///   others;
/// - may also give by `averages(state)` other weights to evaluate with than those that it trains,
///   for each parameter in their order, or nothing before the first step. The averaging policy is
///   then one that uses them, as `OptimizerAverage` does;
/// - saves what belongs to one parameter under a name that ends in its place in the list, as in
///   "momentum.3", or says by `place_of(state, entry)` which place a name means: processes that
///   divide the state go by it. What belongs to none has no number.
template <class P>
struct Contract<slot::optimizer, P> {
  using State = state_of<P>;
  using Start = State (P::*)(const std::vector<NamedTensor>&) const;
  using Step = void (P::*)(State&, const Rates&) const;
  using HasMomentum = bool (P::*)() const;
  using Restart = void (P::*)(State&) const;
  using Averages = std::vector<at::Tensor> (P::*)(const State&) const;
  using PlaceOf = std::optional<std::size_t> (P::*)(const State&, std::string_view) const;
  using OnDevice = void (P::*)(State&, const Rates&, const at::Tensor&, const at::Tensor&) const;

  static constexpr std::array members{
      Member{"lr", "double lr = ...;", (requires { &P::lr; }),
             (requires { static_cast<double P::*>(&P::lr); })},
      Member{"State", "struct State { ... };", (requires { typename P::State; }),
             (requires { typename P::State; })},
      Member{"start", "State start(const std::vector<gradus::NamedTensor>& parameters) const",
             (requires { &P::start; }), (requires { static_cast<Start>(&P::start); })},
      Member{"step", "void step(State& state, const gradus::Rates& rates) const",
             (requires { &P::step; }), (requires { static_cast<Step>(&P::step); })},
      Member{"has_momentum", "constexpr bool has_momentum() const", (requires {
               &P::has_momentum;
             }), (requires { static_cast<HasMomentum>(&P::has_momentum); })},
      Member{"step_on_device",
             "void step_on_device(State& state, const gradus::Rates& rates, const at::Tensor& "
             "learning_rate, const at::Tensor& found_inf) const",
             (requires { &P::step_on_device; }),
             (requires { static_cast<OnDevice>(&P::step_on_device); }), false},
      Member{"steps_on_device", "constexpr bool steps_on_device() const", (requires {
               &P::steps_on_device;
             }), (requires { static_cast<HasMomentum>(&P::steps_on_device); }),
             (requires { &P::step_on_device; })},
      Member{
          "place_of",
          "std::optional<std::size_t> place_of(const State& state, std::string_view entry) const",
          (requires { &P::place_of; }), (requires { static_cast<PlaceOf>(&P::place_of); }), false},
      Member{"restart", "void restart(State& state) const", (requires { &P::restart; }),
             (requires { static_cast<Restart>(&P::restart); }), false},
      Member{"averages", "std::vector<at::Tensor> averages(const State& state) const", (requires {
               &P::averages;
             }), (requires { static_cast<Averages>(&P::averages); }), false},
  };
};

/// A policy of the optimizer axis: it has every member that `Contract<slot::optimizer, P>` lists.
template <class P>
concept OptimizerPolicy = Fulfils<P, slot::optimizer>;

}  // namespace gradus
