/// Outputs compared with targets: the neutral task.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/batch_tensors.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/task/concept.hpp>
#include <gradus/policy/task/result.hpp>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace gradus {

/// The loss policy of `model->forward(batch.input)` and `batch.target`. Throws ConfigurationError,
/// in the evaluation before the first step if there is one, for outputs that are not one a sample.
struct Supervised {
  using slot = slot::task;
  static constexpr std::string_view name = "Supervised";
  static constexpr bool mirrors = true;  ///< the model sees `batch.input` alone
  static constexpr auto fields() { return no_fields; }

  template <class Model, class B, class Loss>
    requires requires(Model& model, const B& batch, const Loss& loss) {
      loss(as_float32(model->forward(batch.input)), batch.target);
    }
  [[nodiscard]] TaskResult forward(Model& model, const B& batch, const Loss& loss) const {
    const auto output = as_float32(model->forward(batch.input));
    check_rows(output, batch_size(batch));
    return {loss(output, batch.target), output, batch.target};
  }

 private:
  static void check_rows(const at::Tensor& output, std::int64_t samples) {
    if (rows_of(output) == samples) return;
    throw ConfigurationError("the model gives no output for each of " + std::to_string(samples) +
                             " samples; its forward must return [N, ...] for an input [N, ...].");
  }
};
static_assert(TaskPolicy<Supervised>);

}  // namespace gradus
