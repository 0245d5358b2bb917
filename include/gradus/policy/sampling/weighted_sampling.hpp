/// Samples as often as their weights say.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/random.hpp>
#include <gradus/core/sample_draw.hpp>
#include <gradus/policy/sampling/concept.hpp>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

namespace gradus {

/// When to use: some samples matter more, or come from sources that are to be mixed in given parts.
/// A sample of weight w comes w / mean times a pass on average, and each pass as often as that
/// rounded down or up: with equal weights each comes once. One of weight 0 never comes. The dataset
/// says the weights by `sample_weights()`; `data::SampleWeights` gives them to any dataset.
///
/// PyTorch's WeightedRandomSampler draws each sample by itself, so that a pass varies more.
///
/// Source: Kitagawa 1996, "Monte Carlo Filter and Smoother for Non-Gaussian Nonlinear State Space
/// Models", appendix (systematic resampling).
struct WeightedSampling {
  using slot = slot::sampling;
  static constexpr std::string_view name = "WeightedSampling";
  static constexpr bool takes_weights = true;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] std::vector<std::int64_t> order(const SampleDraw& draw) const {
    constexpr std::uint64_t stream = 0x77656967687473;  // "weights"
    const auto key = mix(draw.seed, stream, draw.pass);
    const double sum = std::accumulate(draw.weights.begin(), draw.weights.end(), 0.0);
    const double step = sum / static_cast<double>(draw.size);
    constexpr double to_one = 0x1p-53;
    const double offset = static_cast<double>(mix(key) >> 11U) * to_one;
    std::vector<std::int64_t> chosen;
    const auto next = [&] { return (static_cast<double>(chosen.size()) + offset) * step; };
    double end = 0;
    std::int64_t last = 0;
    // In a shuffled order, so that neighbours are not chosen, or left out, together.
    for (const auto index : epoch_order(draw.size, draw.seed, draw.pass)) {
      const double weight = draw.weights[static_cast<std::size_t>(index)];
      if (weight > 0) last = index;
      for (end += weight; next() < end && std::ssize(chosen) < draw.size;) chosen.push_back(index);
    }
    chosen.resize(static_cast<std::size_t>(draw.size), last);  // what rounding has left over
    return shuffled(chosen, key);
  }
};
static_assert(SamplingPolicy<WeightedSampling>);

}  // namespace gradus
