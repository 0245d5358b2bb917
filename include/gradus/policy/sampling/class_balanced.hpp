/// Rare classes as often as common ones.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/random.hpp>
#include <gradus/core/sample_draw.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/sampling/concept.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <string_view>
#include <vector>

namespace gradus {

/// When to use: some classes have far fewer samples than others, and each counts alike. The share
/// of a class of n samples in a pass goes with n^(1 - balance), to within one sample. Within a
/// class no sample comes again before all others of it have come, from pass to pass. Samples of a
/// class below 0, which losses ignore, are not chosen; a set of these alone is a DataError.
///
/// PyTorch's WeightedRandomSampler draws with replacement instead: the shares are right on average
/// only, and a pass over classes of one size leaves out a third of the samples.
///
/// Source: Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed
/// Recognition", section 4.1 (0: instance-balanced, 0.5: square root, 1: class-balanced).
struct ClassBalanced {
  using slot = slot::sampling;
  static constexpr std::string_view name = "ClassBalanced";
  static constexpr bool takes_classes = true;

  double balance = 1;

  static constexpr auto fields() {
    return fields_of(
        field("balance", &ClassBalanced::balance, between(0, 1),
              "0: as often as in the set; 0.5: by square root; 1: all classes equally often"));
  }

  [[nodiscard]] std::vector<std::int64_t> order(const SampleDraw& draw) const {
    std::map<std::int64_t, std::vector<std::int64_t>> by_class;
    for (std::int64_t index = 0; index < draw.size; ++index) {
      const auto number = draw.classes[static_cast<std::size_t>(index)];
      if (number >= 0) by_class[number].push_back(index);
    }
    if (by_class.empty()) {
      throw DataError(
          "policy ClassBalanced of axis sampling finds no sample to choose: the class of each is "
          "below 0; look at the targets, or choose Shuffle.");
    }
    std::vector<std::int64_t> sizes;
    for (const auto& [number, indices] : by_class) {
      sizes.push_back(static_cast<std::int64_t>(indices.size()));
    }
    const auto counts = counts_of(sizes, draw.size);
    std::vector<std::int64_t> chosen;
    std::size_t place = 0;
    for (const auto& [number, indices] : by_class) {
      append(chosen, indices, counts[place++], draw);
    }
    return shuffled(chosen, mix(draw.seed, stream, draw.pass));
  }

 private:
  static constexpr std::uint64_t stream = 0x62616c616e6365;  // "balance"

  /// So many samples of each class, `total` in all, by largest remainder.
  [[nodiscard]] std::vector<std::int64_t> counts_of(const std::vector<std::int64_t>& sizes,
                                                    std::int64_t total) const {
    std::vector<double> shares;
    for (const auto size : sizes) shares.push_back(std::pow(size, 1 - balance));
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    std::vector<std::int64_t> counts;
    for (auto& share : shares) {
      share *= static_cast<double>(total) / sum;
      counts.push_back(static_cast<std::int64_t>(share));
      share -= std::floor(share);
    }
    for (auto left = total - std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
         left > 0; --left) {
      const auto largest = std::max_element(shares.begin(), shares.end());
      ++counts[static_cast<std::size_t>(largest - shares.begin())];
      *largest = -1;
    }
    return counts;
  }

  /// The `count` samples of a class that this pass takes: those that follow the ones of the pass
  /// before, in one shuffled round of the class after another.
  static void append(std::vector<std::int64_t>& chosen, const std::vector<std::int64_t>& indices,
                     std::int64_t count, const SampleDraw& draw) {
    const auto size = static_cast<std::int64_t>(indices.size());
    std::vector<std::int64_t> round;
    for (auto next = draw.pass * count; next < (draw.pass + 1) * count; ++next) {
      if (round.empty() || next % size == 0) {
        round = shuffled(indices, mix(draw.seed, stream, indices.front(), next / size));
      }
      chosen.push_back(round[static_cast<std::size_t>(next % size)]);
    }
  }
};
static_assert(SamplingPolicy<ClassBalanced>);

}  // namespace gradus
