/// Filters transformed, and gradients of transformed filters back.
#pragma once

#include <gradus/kernel/elements.hpp>
#include <gradus/kernel/pairs.hpp>
#include <gradus/kernel/transforms.hpp>

#include <algorithm>
#include <cstdint>

namespace gradus::kernel {

template <class Algorithm>
constexpr std::int64_t filters_of = std::int64_t{Algorithm::filters} * Algorithm::filters;

/// The weights [O, taps, taps, C] of a layer, as a pass uses them: forward, or, for the gradient of
/// the input, turned and with O and C exchanged.
template <class T>
struct Weights {
  const T* data;
  std::int64_t out, in;
  bool turned = false;

  [[nodiscard]] std::int64_t rows() const { return turned ? out : in; }
  [[nodiscard]] std::int64_t columns() const { return turned ? in : out; }
};

/// Transforms rows [first, last) of the filters of output panel `which` to right matrices
/// [last - first, 16] in panel `to_panel` of `to`. `first` is a multiple of 16; rows up to the next
/// multiple and columns that are none are zero.
template <class Set, class Algorithm, class T>
[[gnu::always_inline]] inline void transform_filters(const Weights<T>& weights, std::int64_t which,
                                                     std::int64_t first, std::int64_t last,
                                                     const Factors& to, std::int64_t to_panel) {
  using V = Vector<Set::lanes>;
  constexpr int taps = Algorithm::taps, filters = Algorithm::filters, all = taps * taps;
  const auto wide = std::min(panel, weights.columns() - which * panel);
  for (auto row = first; row < last; row += panel) {
    const auto deep = std::min(panel, last - row);
    float lines[all][panel][panel] = {}, columns[all][panel][panel];
    for (std::int64_t i = 0; i < (weights.turned ? deep : wide); ++i) {
      const auto o = weights.turned ? row + i : which * panel + i;
      const T* from = weights.data + o * all * weights.in + (weights.turned ? which * panel : row);
      for (int tap = 0; tap < all; ++tap, from += weights.in) {
        float* line = lines[weights.turned ? all - 1 - tap : tap][i];
        for (std::int64_t j = 0; j < (weights.turned ? wide : deep); ++j) line[j] = load(from[j]);
      }
    }
    for (int tap = 0; tap < all && !weights.turned; ++tap) {
      detail::transpose_square<Set>(reinterpret_cast<const Pair*>(lines[tap][0]), panel,
                                    reinterpret_cast<Pair*>(columns[tap][0]), panel);
    }
    const auto block = weights.turned ? lines : columns;
    for (std::int64_t i = 0; i < panel; ++i) {
      for (int lane = 0; lane < panel; lane += Set::lanes) {
        float* at = to.at(0, to_panel) + (row - first + i) * panel + lane;
        transform_square<taps, filters, V>(
            [&](int y, int x, V& v)
                __attribute__((always_inline)) { load(v, block[y * taps + x][i] + lane); },
            [](const V* g, V* u) __attribute__((always_inline)) { Algorithm::filter(g, u); },
            [&](int y, int x, const V& v) __attribute__((always_inline)) {
              store(at + (y * filters + x) * to.point_step, v);
            });
      }
    }
  }
}

/// A part of dw [O, taps, taps, C]: filters from `first_out` on, of which there are `outs`, and
/// channels of panel `which`.
struct WeightPart {
  std::int64_t in;
  std::int64_t first_out, outs, which;
};

/// Writes that part of dw from products [filters, outs, 16] in panel 0 of `sums`, plus `before`,
/// which may be null and may be dw.
template <class Set, class Algorithm, class T>
[[gnu::always_inline]] inline void write_filter_gradients(const Factors& sums,
                                                          const WeightPart& part,
                                                          const float* before, T* dw) {
  using V = Vector<Set::lanes>;
  constexpr int taps = Algorithm::taps, filters = Algorithm::filters, all = taps * taps;
  const auto channels = std::min(panel, part.in - part.which * panel);
  for (std::int64_t o = 0; o < part.outs; ++o) {
    float of_taps[all][panel];
    for (int lane = 0; lane < panel; lane += Set::lanes) {
      const float* at = sums.at(0, 0) + o * panel + lane;
      transform_square<filters, taps, V>(
          [&](int y, int x, V& v)
              __attribute__((always_inline)) { load(v, at + (y * filters + x) * sums.point_step); },
          [](const V* u, V* g) __attribute__((always_inline)) { Algorithm::filter_gradient(u, g); },
          [&](int y, int x, const V& v)
              __attribute__((always_inline)) { store(of_taps[y * taps + x] + lane, v); });
    }
    auto at = (part.first_out + o) * all * part.in + part.which * panel;
    for (int tap = 0; tap < all; ++tap, at += part.in) {
      for (std::int64_t c = 0; c < channels; ++c) {
        const float of_others = before == nullptr ? 0.0F : before[at + c];
        store(dw[at + c], of_others + of_taps[tap][c]);
      }
    }
  }
}

}  // namespace gradus::kernel
