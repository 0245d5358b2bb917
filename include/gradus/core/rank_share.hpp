/// What one of several processes has of the work that they share.
#pragma once

#include <cstdint>

namespace gradus {

/// Process `rank` of `size`, which share whatever there is in parts that lie side by side and
/// differ by one at most.
struct RankShare {
  std::int64_t rank = 0;
  std::int64_t size = 1;

  /// Of `all` things, the first one that is this rank's.
  [[nodiscard]] constexpr std::int64_t first(std::int64_t all) const { return all * rank / size; }
  [[nodiscard]] constexpr std::int64_t count(std::int64_t all) const {
    return all * (rank + 1) / size - first(all);
  }
  /// The smallest part above 0 that any rank has.
  [[nodiscard]] constexpr std::int64_t smallest(std::int64_t all) const {
    return all < size ? (all > 0 ? 1 : 0) : all / size;
  }
};

}  // namespace gradus
