/// Fast filtering with three taps at points that lie symmetrically around zero.
#pragma once

#include <gradus/kernel/vectors.hpp>

#include <array>
#include <cstddef>

namespace gradus::kernel {

/// The numbers of F(2 Pairs, 3) at 0, infinity and both signs of each of `points`.
///
/// A polynomial that is zero at all other points than p is x (x + p) times the (x^2 - q^2) of the
/// other pairs: what p and -p share is even in x, and odd.
template <std::size_t Pairs>
struct SymmetricPoints {
  /// Coefficients of x^0, x^2, ...: of the product of (x^2 - q^2) over all pairs; of that over the
  /// others of each pair; of the latter times p.
  std::array<float, Pairs + 1> all{};
  std::array<std::array<float, Pairs>, Pairs> even{}, odd{};
  /// p^0, p^2, ... and p^1, p^3, ... of each pair, and their transposes.
  std::array<std::array<float, Pairs>, Pairs> even_powers{}, odd_powers{}, of_even{}, of_odd{};
  /// A filter's three taps times these make its values at 0 and at each pair: first and last, and
  /// the middle one; and by taps.
  float at_zero = 0;
  std::array<std::array<float, 2>, Pairs> outer{};
  std::array<std::array<float, 1>, Pairs> middle{};
  std::array<float, Pairs> of_first{}, of_middle{}, of_last{};

  explicit constexpr SymmetricPoints(const std::array<double, Pairs>& points) {
    const auto product = without(points, Pairs);
    at_zero = static_cast<float>(1 / product[0]);
    for (std::size_t k = 0; k <= Pairs; ++k) all[k] = static_cast<float>(product[k]);
    for (std::size_t i = 0; i < Pairs; ++i) {
      const auto others = without(points, i);
      const double p = points[i];
      double own = 0, power = 1;  // of the polynomial at p: 2 p^2 times the others there
      for (std::size_t k = 0; k < Pairs; ++k) {
        even[i][k] = static_cast<float>(others[k]);
        odd[i][k] = static_cast<float>(p * others[k]);
        even_powers[i][k] = of_even[k][i] = static_cast<float>(power);
        odd_powers[i][k] = of_odd[k][i] = static_cast<float>(p * power);
        own += 2 * p * p * power * others[k];
        power *= p * p;
      }
      outer[i][0] = of_first[i] = static_cast<float>(1 / own);
      middle[i][0] = of_middle[i] = static_cast<float>(p / own);
      outer[i][1] = of_last[i] = static_cast<float>(p * p / own);
    }
  }

 private:
  /// Coefficients of the product of (x^2 - q^2) over the pairs that are not number `left_out`.
  static constexpr std::array<double, Pairs + 1> without(const std::array<double, Pairs>& points,
                                                         std::size_t left_out) {
    std::array<double, Pairs + 1> product{1};
    for (std::size_t i = 0; i < Pairs; ++i) {
      if (i == left_out) continue;
      for (std::size_t k = Pairs; k > 0; --k) {
        product[k] = product[k - 1] - points[i] * points[i] * product[k];
      }
      product[0] *= -points[i] * points[i];
    }
    return product;
  }
};

/// The transforms of an algorithm whose `at` are its SymmetricPoints.
template <class Algorithm, int Pairs>
struct SymmetricTransforms {
  static constexpr int last = 2 * Pairs + 1;

  template <class V>
  [[gnu::always_inline]] static void input(const V* d, V* v) {
    constexpr auto at = Algorithm::at;
    set_sum<2>(at.all, d, v[0]);
    unrolled<Pairs>([&](auto i) __attribute__((always_inline)) {
      set_pair<2>(at.even[i], d + 2, at.odd[i], d + 1, v + 1 + 2 * i);
    });
    set_sum<2>(at.all, d + 1, v[last]);
  }
  template <class V>
  [[gnu::always_inline]] static void output(const V* m, V* y) {
    constexpr auto at = Algorithm::at;
    V even[Pairs], odd[Pairs];
    get_pairs(m, even, odd);
    unrolled<Pairs>([&](auto k) __attribute__((always_inline)) {
      set_sum<1>(at.of_even[k], even, y[2 * k]);
      set_sum<1>(at.of_odd[k], odd, y[2 * k + 1]);
    });
    y[0] += m[0];
    y[2 * Pairs - 1] += m[last];
  }
  template <class V>
  [[gnu::always_inline]] static void gradient(const V* dy, V* w) {
    constexpr auto at = Algorithm::at;
    w[0] = dy[0];
    unrolled<Pairs>([&](auto i) __attribute__((always_inline)) {
      set_pair<2>(at.even_powers[i], dy, at.odd_powers[i], dy + 1, w + 1 + 2 * i);
    });
    w[last] = dy[2 * Pairs - 1];
  }
  template <class V>
  [[gnu::always_inline]] static void filter(const V* g, V* u) {
    constexpr auto at = Algorithm::at;
    u[0] = at.at_zero * g[0];
    unrolled<Pairs>([&](auto i) __attribute__((always_inline)) {
      set_pair<2>(at.outer[i], g, at.middle[i], g + 1, u + 1 + 2 * i);
    });
    u[last] = g[2];
  }
  template <class V>
  [[gnu::always_inline]] static void filter_gradient(const V* u, V* g) {
    constexpr auto at = Algorithm::at;
    V even[Pairs], odd[Pairs];
    get_pairs(u, even, odd);
    set_sum<1>(at.of_first, even, g[0]);
    g[0] += at.at_zero * u[0];
    set_sum<1>(at.of_middle, odd, g[1]);
    set_sum<1>(at.of_last, even, g[2]);
    g[2] += u[last];
  }

 private:
  // Vectors are handed over by reference: how they are returned depends on a compiler's flags.

  /// The sum of factors[k] * of[Step * k].
  template <int Step, std::size_t Count, class V>
  [[gnu::always_inline]] static void set_sum(const std::array<float, Count>& factors, const V* of,
                                             V& sum) {
    sum = factors[0] * of[0];
    unrolled<static_cast<int>(Count) - 1>(
        [&](auto k) __attribute__((always_inline)) { sum += factors[k + 1] * of[Step * (k + 1)]; });
  }
  /// The values at a point and at its negative, from the sums that are even and odd in it.
  template <int Step, std::size_t Even, std::size_t Odd, class V>
  [[gnu::always_inline]] static void set_pair(const std::array<float, Even>& even_factors,
                                              const V* of_even,
                                              const std::array<float, Odd>& odd_factors,
                                              const V* of_odd, V* to) {
    V even, odd;
    set_sum<Step>(even_factors, of_even, even);
    set_sum<Step>(odd_factors, of_odd, odd);
    to[0] = even + odd;
    to[1] = even - odd;
  }
  template <class V>
  [[gnu::always_inline]] static void get_pairs(const V* from, V* even, V* odd) {
    unrolled<Pairs>([&](auto i) __attribute__((always_inline)) {
      even[i] = from[1 + 2 * i] + from[2 + 2 * i];
      odd[i] = from[1 + 2 * i] - from[2 + 2 * i];
    });
  }
};

}  // namespace gradus::kernel
