/// Each token from those before it: language models.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/task/concept.hpp>
#include <gradus/policy/task/result.hpp>

namespace gradus {

/// `model->forward(batch.input)` gives scores [N, T, V] of a vocabulary of V for ids [N, T] int64;
/// `batch.target` [N, T] int64 holds the ids that follow, -100 where none counts, as behind the end
/// of a sentence that is shorter. Loss and metrics are given both flat, [N T, V] and [N T], so that
/// a mean is one over tokens whatever the lengths.
struct NextToken {
  using slot = slot::task;
  static constexpr std::string_view name = "NextToken";
  static constexpr auto fields() { return no_fields; }

  template <class Model, class B, class Loss>
    requires requires(Model& model, const B& batch) { model->forward(batch.input).flatten(0, 1); }
  [[nodiscard]] TaskResult forward(Model& model, const B& batch, const Loss& loss) const {
    const auto scores = as_float32(model->forward(batch.input)).flatten(0, 1);
    const auto target = batch.target.flatten(0, 1);
    return {loss(scores, target), scores, target};
  }
};
static_assert(TaskPolicy<NextToken>);

}  // namespace gradus
