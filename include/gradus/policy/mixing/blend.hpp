/// What the mixing policies have in common: their numbers, what they draw, and how targets are
/// blended.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/batch.hpp>
#include <gradus/core/random.hpp>
#include <gradus/error.hpp>

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

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
  return x + y > 0 ? x / (x + y) : 0.5;
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

/// The targets of `batch` as [N, classes]: `part` of the sample's own class, the rest of its
/// partner's. Throws DataError for targets that are no classes, and what LibTorch throws for a
/// class too high.
inline at::Tensor blend_targets(const Batch& batch, const at::Tensor& partners, double part,
                                std::int64_t classes) {
  const auto& target = batch.target;
  if (target.dim() != 1 || target.scalar_type() != at::kLong) {
    throw DataError(
        "Mixing takes targets [N] int64, but the batch has others; leave the mixing "
        "policy out, or give one class for each sample.");
  }
  const auto type = target_type(batch.input);
  const auto own = at::zeros({target.size(0), classes}, target.options().dtype(type))
                       .scatter_(1, target.unsqueeze(1), 1);
  return own.mul(part).add_(own.index_select(0, partners), 1 - part);
}

}  // namespace gradus
