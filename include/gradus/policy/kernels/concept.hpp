/// The kernels axis: what computes the operators of a model.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <array>
#include <vector>

namespace gradus {

/// A kernels policy
/// - makes by `start(device)` its run state, once per run;
/// - gives by `kernel_scope(state)` an object that lives for each forward pass, in training and in
///   evaluation, and in which the operators that it has other kernels for are found;
/// - says by `choices(state)` what it has chosen so far.
template <class P>
struct Contract<slot::kernels, P> {
  using State = state_of<P>;
  using Start = State (P::*)(c10::Device) const;
  using Choices = std::vector<KernelChoice> (P::*)(const State&) const;

  static constexpr std::array members{
      Member{"State", "struct State { ... };", (requires { typename P::State; }),
             (requires { typename P::State; })},
      Member{"start", "State start(c10::Device device) const", (requires { &P::start; }),
             (requires { static_cast<Start>(&P::start); })},
      Member{"kernel_scope", "auto kernel_scope(const State& state) const", (requires {
               &P::kernel_scope;
             }), (requires(const P& policy, const State& state) { policy.kernel_scope(state); })},
      Member{"choices", "std::vector<gradus::KernelChoice> choices(const State& state) const",
             (requires { &P::choices; }), (requires { static_cast<Choices>(&P::choices); })},
  };
};

/// A policy of the kernels axis: it has every member that `Contract<slot::kernels, P>` lists.
template <class P>
concept KernelsPolicy = Fulfils<P, slot::kernels>;

}  // namespace gradus
