/// The averaging axis: which weights a run is evaluated with, those of the last step or a mean.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// An averaging policy
/// - makes by `start(parameters)` its run state, once per run;
/// - takes by `update(state, context)` the weights after each optimizer step that was taken;
/// - gives by `averages(state)` the mean of each parameter, in the order of the parameters, or
///   nothing as long as there is none. Evaluation uses them, cast to the type of the parameters
///   where it is another; training never does;
/// - says by `statistics_batches()` over how many training batches the running statistics of batch
///   norms are recomputed for them: 0 leaves those of the trained weights.
/// It may say by `run_mistake(total_steps)` why a run of so many optimizer steps would get no
/// average, as a clause, or "": such a run is refused.
/// A policy whose `averages_weights` is false is never asked. One whose `from_optimizer` is true
/// has no state: its averages are those of the optimizer, by `averages` of that axis.
template <class P>
struct Contract<slot::averaging, P> {
  using State = state_of<P>;
  using Start = State (P::*)(const std::vector<NamedTensor>&) const;
  using Update = void (P::*)(State&, const StepContext&) const;
  using Averages = const std::vector<at::Tensor>& (P::*)(const State&) const;
  using Batches = std::int64_t (P::*)() const;
  using RunMistake = std::string (P::*)(std::int64_t) const;
  static constexpr bool asked = !std::is_empty_v<State>;
  static constexpr bool from_optimizer = requires { requires P::from_optimizer; };

  static constexpr std::array members{
      Member{"averages_weights", "static constexpr bool averages_weights = true;", (requires {
               P::averages_weights;
             }), (requires { static_cast<const bool*>(&P::averages_weights); })},
      Member{"start", "State start(const std::vector<gradus::NamedTensor>& parameters) const",
             (requires { &P::start; }), (requires { static_cast<Start>(&P::start); }), asked},
      Member{"update", "void update(State& state, const gradus::StepContext& context) const",
             (requires { &P::update; }), (requires { static_cast<Update>(&P::update); }), asked},
      Member{"averages", "const std::vector<at::Tensor>& averages(const State& state) const",
             (requires { &P::averages; }), (requires { static_cast<Averages>(&P::averages); }),
             asked},
      Member{"statistics_batches", "std::int64_t statistics_batches() const",
             (requires { &P::statistics_batches; }),
             (requires { static_cast<Batches>(&P::statistics_batches); }), asked || from_optimizer},
      Member{"run_mistake", "std::string run_mistake(std::int64_t total_steps) const", (requires {
               &P::run_mistake;
             }), (requires { static_cast<RunMistake>(&P::run_mistake); }), false},
      Member{"from_optimizer", "static constexpr bool from_optimizer = true;", (requires {
               P::from_optimizer;
             }), (requires { static_cast<const bool*>(&P::from_optimizer); }), false},
  };
};

/// A policy of the averaging axis: it has every member that `Contract<slot::averaging, P>` lists.
template <class P>
concept AveragingPolicy = Fulfils<P, slot::averaging>;

}  // namespace gradus
