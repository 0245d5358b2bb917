/// What the mixing policies have in common: their numbers, what they draw, and how targets are
/// blended.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/batch.hpp>
#include <gradus/core/class_targets.hpp>
#include <gradus/core/random.hpp>
#include <gradus/error.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <c10/util/StringUtil.h>

#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>

namespace gradus {

/// The numbers of `P`.
template <class P>
constexpr auto mixing_fields() {
  return fields_of(field("alpha", &P::alpha, positive(), "of the Beta distribution"),
                   field("classes", &P::classes, at_least(2), "number of classes"));
}

/// From the Beta(alpha, alpha) distribution, in [0, 1].
inline double draw_beta(Random& random, double alpha) {
  std::gamma_distribution<double> gamma(alpha, 1);
  const double x = gamma(random);
  gamma.reset();
  const double y = gamma(random);
  if (x + y > 0) return x / (x + y);
  // Of a small alpha both are below the least number. There their logarithms fall like exponential
  // variables of rate alpha, and the quotient is that of the difference.
  std::exponential_distribution<double> falling(alpha);
  const double of_x = falling(random);
  return 1 / (1 + std::exp(of_x - falling(random)));
}

/// A partner for each sample: a permutation, int64 [N], on the device of the targets.
inline at::Tensor draw_partners(Random& random, const Batch& batch) {
  const auto samples = batch.size();
  auto partners = at::empty({samples}, at::kLong);
  auto* list = partners.mutable_data_ptr<std::int64_t>();
  std::iota(list, list + samples, 0);
  for (std::int64_t i = samples - 1; i > 0; --i) std::swap(list[i], list[random.below(i + 1)]);
  return partners.to(batch.target.device(), at::kLong,
                     /*non_blocking=*/true);  // else CUDA would wait
}

/// The type of blended targets: that of the outputs of a model in float64, else float32.
inline at::ScalarType target_type(const at::Tensor& input) {
  return input.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

/// Throws DataError for a target on the CPU that is none of `classes`. On other devices it would
/// wait.
inline void check_mixed_classes(const at::Tensor& target, std::int64_t classes) {
  if (!target.is_cpu()) return;
  const auto wrong = first_wrong_class(target, classes);
  if (!wrong) return;
  throw DataError(
      c10::str("Mixing blends targets of ", classes, " classes, but one is class ", wrong->label,
               "; expected 0 to ", classes - 1,
               ": set mixing.classes to the number of classes, or correct the targets."));
}

/// The targets of `batch` as [N, classes]: `part` of the sample's own class, the rest of its
/// partner's. Throws DataError for targets that are no classes and, on the CPU, for a class that is
/// not below `classes`; on other devices the parts of such a sample are NaN.
inline at::Tensor blend_targets(const Batch& batch, const at::Tensor& partners, double part,
                                std::int64_t classes) {
  const auto& target = batch.target;
  if (target.dim() != 1 || target.scalar_type() != at::kLong) {
    throw DataError(
        "Mixing takes targets [N] int64, but the batch has others; leave the mixing "
        "policy out, or give one class for each sample.");
  }
  check_mixed_classes(target, classes);
  auto own =
      target.unsqueeze(1).eq(at::arange(classes, target.options())).to(target_type(batch.input));
  own.div_(own.sum(1, /*keepdim=*/true));  // 1 / 1, but 0 / 0 of no class
  return own.mul(part).add_(own.index_select(0, partners), 1 - part);
}

}  // namespace gradus
