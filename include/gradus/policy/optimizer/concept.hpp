/// The optimizer axis: how gradients move the weights.
#pragma once

#include <gradus/core/contract.hpp>
#include <gradus/core/rates.hpp>
#include <gradus/core/tensor_fwd.hpp>

#include <array>
#include <vector>

namespace gradus {

/// An optimizer policy
/// - has a learning rate `lr` of its own, which a schedule starts from or ignores;
/// - makes by `start(parameters)` its run state for the unique parameters, once per run;
/// - moves by `step(state, rates)` each parameter that has a gradient, in place, without waiting
///   for the device. Gradients are finite and already unscaled, clipped and averaged;
/// - says by `has_momentum()` whether a schedule may set its momentum.
template <class P>
struct Contract<slot::optimizer, P> {
  using State = state_of<P>;
  using Start = State (P::*)(const std::vector<NamedTensor>&) const;
  using Step = void (P::*)(State&, const Rates&) const;
  using HasMomentum = bool (P::*)() const;

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
  };
};

template <class P>
concept OptimizerPolicy = Fulfils<P, slot::optimizer>;

}  // namespace gradus
