/// The precision axis: which numeric type the forward pass computes in. Weights stay float32.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <array>

namespace gradus {

/// A precision policy
/// - says by `choose(device)` what it will compute in, before anything runs;
/// - makes by `start(device)` its run state, once per run;
/// - gives by `forward_scope(state)` an object that lives for the forward pass and the loss of one
///   micro-batch, and no longer;
/// - gives by `scaler(state)` its gradient scaler, a pointer that may be null. One that never
///   scales returns std::nullptr_t, and the step holds no trace of scaling.
template <class P>
struct Contract<slot::precision, P> {
  using State = state_of<P>;
  using Choose = PrecisionChoice (P::*)(c10::Device) const;
  using Start = State (P::*)(c10::Device) const;

  static constexpr std::array members{
      Member{"State", "struct State { ... };", (requires { typename P::State; }),
             (requires { typename P::State; })},
      Member{"choose", "gradus::PrecisionChoice choose(c10::Device device) const",
             (requires { &P::choose; }), (requires { static_cast<Choose>(&P::choose); })},
      Member{"start", "State start(c10::Device device) const", (requires { &P::start; }),
             (requires { static_cast<Start>(&P::start); })},
      Member{"forward_scope", "auto forward_scope(const State& state) const", (requires {
               &P::forward_scope;
             }), (requires(const P& policy, const State& state) { policy.forward_scope(state); })},
      Member{"scaler", "auto* scaler(State& state) const", (requires { &P::scaler; }),
             (requires(const P& policy, State& state) { policy.scaler(state) == nullptr; })},
  };
};

/// A policy of the precision axis: it has every member that `Contract<slot::precision, P>` lists.
template <class P>
concept PrecisionPolicy = Fulfils<P, slot::precision>;

}  // namespace gradus
