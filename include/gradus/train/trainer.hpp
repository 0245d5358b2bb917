/// The trainer: a model and one policy per axis, composed into the training loop.
#pragma once

#include <gradus/compose/composition.hpp>
#include <gradus/train/axes.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/begin.hpp>
#include <gradus/train/captured_step.hpp>
#include <gradus/train/epoch_end.hpp>
#include <gradus/train/evaluate.hpp>
#include <gradus/train/fit.hpp>
#include <gradus/train/run_state.hpp>
#include <gradus/train/shared_step.hpp>
#include <gradus/train/step.hpp>

namespace gradus {

/// Stands in for a trainer that was refused: takes everything, so that one mistake gives one error.
template <class M, class Mistake>
class BasicTrainer<M, RefusedPolicies<Mistake>> : RefusedPolicies<Mistake> {
 public:
  using policies_type = RefusedPolicies<Mistake>;
  template <class Model>
  explicit BasicTrainer(const Model&, const RunSettings& = {}, const policies_type& = {}) {}
  History fit(const auto&...) { return {}; }
  Evaluation evaluate(const auto&) { return {}; }
};

/// `Trainer<Model, Policies...>`: policies in any order, at most one per axis, neutral ones for the
/// rest. The same policies in another order are the same type. What does not fit is one compile
/// error, a sentence that names the policy, the axis and the fix.
template <class M, class... Policies>
using Trainer = BasicTrainer<M, typename Composition<TrainerAxes, M, Policies...>::policies>;

}  // namespace gradus
