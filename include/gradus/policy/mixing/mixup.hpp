/// Each sample blended with another one of its batch.
#pragma once

#include <gradus/policy/mixing/blend.hpp>
#include <gradus/policy/mixing/concept.hpp>

#include <cstdint>

namespace gradus {

/// When to use: runs long enough to overfit; in few epochs it costs accuracy.
///
///     x' = p x + (1 - p) x_partner;   y' likewise;   p ~ Beta(alpha, alpha), one for the batch
///
/// Source: Zhang et al. 2018, "mixup", section 2.
struct Mixup {
  using slot = slot::mixing;
  static constexpr std::string_view name = "Mixup";
  static constexpr bool mixes = true;

  double alpha = 0.2;
  std::int64_t classes = 10;

  static constexpr auto fields() { return mixing_fields<Mixup>(); }

  void mix(Batch& batch, std::uint64_t key) const {
    Random random(key);
    const double part = draw_beta(random, alpha);
    const auto partners = draw_partners(random, batch);
    batch.target = blend_targets(batch, partners, part, classes);
    batch.input = batch.input.mul(part).add_(batch.input.index_select(0, partners), 1 - part);
  }
};
static_assert(MixingPolicy<Mixup>);

}  // namespace gradus
