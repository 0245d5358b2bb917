/// Products of matrices in panels: 16 columns side by side, row after row.
#pragma once

#include <gradus/kernel/vectors.hpp>

#include <cstdint>
#include <type_traits>

namespace gradus::kernel {

/// Columns of a panel: one line of a cache.
constexpr std::int64_t panel = 16;

constexpr std::int64_t panels(std::int64_t columns) { return (columns + panel - 1) / panel; }

/// Element (row, k) is `data[k / length * segment_step + row * RowStep + k % length * KStep]`; the
/// last segment is `last_length` long.
struct LeftMatrix {
  const float* data;
  std::int64_t segments, length, last_length, segment_step;
};

/// out[Rows][16] = (or, where `adds`, +=) left[Rows, K] times right[K][16]. The sum over k begins
/// at zero in each call: parts that are added have errors of their own size only.
template <class Set, int Rows, int RowStep, int KStep>
[[gnu::always_inline]] inline void multiply_panel(const LeftMatrix& a, const float* right,
                                                  float* out, bool adds) {
  using V = Vector<Set::lanes>;
  constexpr int parts = panel / Set::lanes;
  V sums[Rows][parts];
  unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
    unrolled<parts>([&](auto p) __attribute__((always_inline)) { sums[r][p] = V{}; });
  });
  for (std::int64_t segment = 0; segment < a.segments; ++segment) {
    const float* left = a.data + segment * a.segment_step;
    const auto length = segment + 1 < a.segments ? a.length : a.last_length;
    for (std::int64_t k = 0; k < length; ++k, left += KStep, right += panel) {
      V b[parts];
      unrolled<parts>([&](auto p)
                          __attribute__((always_inline)) { load(b[p], right + p * Set::lanes); });
      unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
        const float of_row = left[r * RowStep];
        unrolled<parts>([&](auto p)
                            __attribute__((always_inline)) { sums[r][p] += of_row * b[p]; });
      });
    }
  }
  unrolled<Rows>([&](auto r) __attribute__((always_inline)) {
    unrolled<parts>([&](auto p) __attribute__((always_inline)) {
      float* at = out + r * panel + p * Set::lanes;
      if (adds) {
        V before;
        load(before, at);
        sums[r][p] += before;
      }
      store(at, sums[r][p]);
    });
  });
}

/// The same for 16 rows, whatever number of them vectors sum at once.
template <class Set, int RowStep, int KStep>
[[gnu::always_inline]] inline void multiply_square(const LeftMatrix& a, const float* right,
                                                   float* out, bool adds) {
  constexpr int rest = panel % Set::rows;
  const auto rows = [&]<int Rows>(std::integral_constant<int, Rows>,
                                  std::int64_t first) __attribute__((always_inline)) {
    auto of_rows = a;
    of_rows.data += first * RowStep;
    multiply_panel<Set, Rows, RowStep, KStep>(of_rows, right, out + first * panel, adds);
  };
  for (std::int64_t row = 0; row < panel - rest; row += Set::rows) {
    rows(std::integral_constant<int, Set::rows>{}, row);
  }
  if constexpr (rest > 0) rows(std::integral_constant<int, rest>{}, panel - rest);
}

}  // namespace gradus::kernel
