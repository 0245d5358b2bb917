/// Counter-based random numbers: a stream is a pure function of its key, never of who drew before.
#pragma once

#include <cstdint>
#include <limits>

namespace gradus {

/// Finaliser of SplitMix64 (Steele, Lea, Flood 2014; constants of Vigna's public-domain version).
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

/// One key from several numbers, in which their order counts.
template <class... Rest>
constexpr std::uint64_t mix(std::uint64_t first, Rest... rest) noexcept
  requires(sizeof...(Rest) > 0)
{
  std::uint64_t key = mix(first);
  ((key = mix(key ^ static_cast<std::uint64_t>(rest))), ...);
  return key;
}

/// SplitMix64 as a standard uniform random bit generator.
class Random {
 public:
  using result_type = std::uint64_t;

  explicit constexpr Random(std::uint64_t key) noexcept : state_(key) {}

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }

  constexpr result_type operator()() noexcept {
    const auto value = mix(state_);
    state_ += 0x9e3779b97f4a7c15ULL;
    return value;
  }

  /// Uniform in [0, bound), by multiplication (Lemire 2019); the bias is below bound / 2^32.
  constexpr std::int64_t below(std::int64_t bound) noexcept {
    const std::uint64_t high = (*this)() >> 32U;
    return static_cast<std::int64_t>((high * static_cast<std::uint64_t>(bound)) >> 32U);
  }

 private:
  std::uint64_t state_;
};

}  // namespace gradus
