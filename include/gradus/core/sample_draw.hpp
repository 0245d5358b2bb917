/// Which samples a pass over the data visits, and in which order.
#pragma once

#include <gradus/core/random.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace gradus {

/// What a sampling policy makes an order from.
struct SampleDraw {
  std::int64_t size = 0;  ///< samples of the set
  std::uint64_t seed = 0;
  std::int64_t pass = 0;                    ///< over the data, from 0
  std::span<const std::int64_t> classes{};  ///< of each sample, for a policy that takes classes
  std::span<const double> weights{};        ///< of each sample, for a policy that takes weights
};

/// `values` in an order that is a pure function of `key` and their number, the same on every
/// platform: sorted by a hash of key and place. Cost: n log n; a few milliseconds for 50,000.
[[nodiscard]] inline std::vector<std::int64_t> shuffled(std::span<const std::int64_t> values,
                                                        std::uint64_t key) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> keyed;
  keyed.reserve(values.size());
  for (std::size_t place = 0; place < values.size(); ++place) {
    keyed.emplace_back(mix(key, place), values[place]);
  }
  std::ranges::sort(keyed);
  std::vector<std::int64_t> order(values.size());
  std::ranges::transform(keyed, order.begin(), [](const auto& one) { return one.second; });
  return order;
}

/// The order in which pass `pass` (from 0) of a run with `seed` visits `size` samples. The first n
/// samples of a larger set keep their relative order.
[[nodiscard]] inline std::vector<std::int64_t> epoch_order(std::int64_t size, std::uint64_t seed,
                                                           std::int64_t pass) {
  constexpr std::uint64_t stream =
      0x6f72646572;  // "order": apart from other draws of the same seed
  std::vector<std::int64_t> indices(static_cast<std::size_t>(size));
  std::iota(indices.begin(), indices.end(), 0);
  return shuffled(indices, mix(seed, stream, pass));
}

}  // namespace gradus
