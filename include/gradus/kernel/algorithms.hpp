/// Convolutions of 1 and 3 taps with stride 1 or 2, and their transposes, as fast algorithms in one
/// dimension.
#pragma once

#include <gradus/kernel/filtering.hpp>

#include <algorithm>

namespace gradus::kernel {

// An algorithm makes `outputs` outputs of a tile from `window` inputs, by `points` products; the
// next tile's window starts `step` inputs further. Products [first(q), first(q + 1)) are with
// number q of the `filters` transformed filters of `taps` taps. `Transpose` makes the gradient of
// the input from the gradients of outputs, with the filter turned.

/// Stride 1.
template <int M>
struct Stride1 : Fast<M, 3> {
  using Transpose = Stride1;
  static constexpr int taps = 3, outputs = M, step = M, window = M + 2;
  static constexpr int points = M + 2, filters = points;
  static constexpr int first(int filter) { return filter; }
};

/// What both algorithms of stride 2 share: F(M, 2) of the outer taps, and M products with the
/// middle one.
template <int M>
struct SplitTaps {
  using Outer = Fast<M, 2>;
  static constexpr int taps = 3, points = 2 * M + 1, filters = M + 2;
  static constexpr int first(int filter) { return filter <= M + 1 ? filter : points; }

  template <class V>
  [[gnu::always_inline]] static void filter(const V* g, V* u) {
    const V outer[2] = {g[0], g[2]};
    Outer::filter(outer, u);
    u[M + 1] = g[1];
  }
  template <class V>
  [[gnu::always_inline]] static void filter_gradient(const V* u, V* g) {
    V outer[2];
    Outer::filter_gradient(u, outer);
    g[0] = outer[0];
    g[1] = u[M + 1];
    g[2] = outer[1];
  }
};

template <int M>
struct Stride2Transpose : SplitTaps<M> {
  using Outer = Fast<M, 2>;
  static constexpr int outputs = 2 * M, step = M, window = M + 1;

  template <class V>
  [[gnu::always_inline]] static void input(const V* d, V* v) {
    Outer::input(d, v);
    for (int i = 0; i < M; ++i) v[M + 1 + i] = d[i];
  }
  template <class V>
  [[gnu::always_inline]] static void output(const V* m, V* y) {
    V odd[M];
    Outer::output(m, odd);
    for (int i = 0; i < M; ++i) {
      y[2 * i] = m[M + 1 + i];
      y[2 * i + 1] = odd[i];
    }
  }
};

template <int M>
struct Stride2 : SplitTaps<M> {
  using Outer = Fast<M, 2>;
  using Transpose = Stride2Transpose<M>;
  static constexpr int outputs = M, step = 2 * M, window = 2 * M + 1;

  template <class V>
  [[gnu::always_inline]] static void input(const V* d, V* v) {
    V even[M + 1];
    for (int i = 0; i <= M; ++i) even[i] = d[2 * i];
    Outer::input(even, v);
    for (int i = 0; i < M; ++i) v[M + 1 + i] = d[2 * i + 1];
  }
  template <class V>
  [[gnu::always_inline]] static void output(const V* m, V* y) {
    Outer::output(m, y);
    for (int i = 0; i < M; ++i) y[i] += m[M + 1 + i];
  }
  template <class V>
  [[gnu::always_inline]] static void gradient(const V* dy, V* w) {
    Outer::gradient(dy, w);
    for (int i = 0; i < M; ++i) w[M + 1 + i] = dy[i];
  }
};

/// One tap: a matrix product.
struct OneTap {
  static constexpr int taps = 1, window = 1, points = 1, filters = 1;
  static constexpr int first(int filter) { return filter; }
  template <class V>
  [[gnu::always_inline]] static void input(const V* d, V* v) {
    v[0] = d[0];
  }
  template <class V>
  [[gnu::always_inline]] static void filter(const V* g, V* u) {
    u[0] = g[0];
  }
  template <class V>
  [[gnu::always_inline]] static void filter_gradient(const V* u, V* g) {
    g[0] = u[0];
  }
};

template <int Stride>
struct PointwiseTranspose : OneTap {
  static constexpr int outputs = Stride, step = 1;
  template <class V>
  [[gnu::always_inline]] static void output(const V* m, V* y) {
    y[0] = m[0];
    for (int i = 1; i < Stride; ++i) y[i] = V{};
  }
};

template <int Stride>
struct Pointwise : OneTap {
  using Transpose = PointwiseTranspose<Stride>;
  static constexpr int outputs = 1, step = Stride;
  template <class V>
  [[gnu::always_inline]] static void output(const V* m, V* y) {
    y[0] = m[0];
  }
  template <class V>
  [[gnu::always_inline]] static void gradient(const V* dy, V* w) {
    w[0] = dy[0];
  }
};

}  // namespace gradus::kernel
