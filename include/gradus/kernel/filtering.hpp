/// Fast filtering in one dimension: several outputs from fewer products than taps ask for.
#pragma once

#include <gradus/kernel/symmetric_points.hpp>

namespace gradus::kernel {

// Each algorithm says, for filter g, data d and output y of one tile,
//
//     y = output(filter(g) * input(d)),   and for gradients   dg = filter_gradient(sums of
//     gradient(dy) * input(d))
//
// where `gradient` and `filter_gradient` are the transposes of `output` and `filter`. Two
// dimensions are one after the other. `V` is a number or a vector of them.
//
// Source: Winograd 1980, "Arithmetic Complexity of Computations"; Lavin and Gray 2015,
// arXiv:1509.09308; for stride 2 the filter is split into its even and its odd taps.

/// F(M, R): M outputs of a filter of R taps from M + R - 1 products.
template <int M, int R>
struct Fast;

template <>
struct Fast<2, 2> {
  template <class V>
  [[gnu::always_inline]] static void input(const V* d, V* v) {
    v[0] = d[0] - d[1];
    v[1] = d[1];
    v[2] = d[2] - d[1];
  }
  template <class V>
  [[gnu::always_inline]] static void output(const V* m, V* y) {
    y[0] = m[0] + m[1];
    y[1] = m[1] + m[2];
  }
  template <class V>
  [[gnu::always_inline]] static void gradient(const V* dy, V* w) {
    w[0] = dy[0];
    w[1] = dy[0] + dy[1];
    w[2] = dy[1];
  }
  template <class V>
  [[gnu::always_inline]] static void filter(const V* g, V* u) {
    u[0] = g[0];
    u[1] = g[0] + g[1];
    u[2] = g[1];
  }
  template <class V>
  [[gnu::always_inline]] static void filter_gradient(const V* u, V* g) {
    g[0] = u[0] + u[1];
    g[1] = u[1] + u[2];
  }
};

/// At the points 0, 1, -1, 2 and infinity.
template <>
struct Fast<4, 2> {
  template <class V>
  [[gnu::always_inline]] static void input(const V* d, V* v) {
    v[0] = (d[3] - d[1]) + 2.0F * (d[0] - d[2]);
    v[1] = (d[3] - d[2]) - 2.0F * d[1];
    v[2] = (d[3] - 3.0F * d[2]) + 2.0F * d[1];
    v[3] = d[3] - d[1];
    v[4] = (d[4] - d[2]) + 2.0F * (d[1] - d[3]);
  }
  template <class V>
  [[gnu::always_inline]] static void output(const V* m, V* y) {
    const V even = m[1] + m[2], odd = m[1] - m[2];
    y[0] = m[0] + even + m[3];
    y[1] = odd + 2.0F * m[3];
    y[2] = even + 4.0F * m[3];
    y[3] = odd + 8.0F * m[3] + m[4];
  }
  template <class V>
  [[gnu::always_inline]] static void gradient(const V* dy, V* w) {
    const V even = dy[0] + dy[2], odd = dy[1] + dy[3];
    w[0] = dy[0];
    w[1] = even + odd;
    w[2] = even - odd;
    w[3] = (dy[0] + 2.0F * dy[1]) + (4.0F * dy[2] + 8.0F * dy[3]);
    w[4] = dy[3];
  }
  template <class V>
  [[gnu::always_inline]] static void filter(const V* g, V* u) {
    u[0] = 0.5F * g[0];
    u[1] = -0.5F * (g[0] + g[1]);
    u[2] = (1.0F / 6) * (g[1] - g[0]);
    u[3] = (1.0F / 6) * g[0] + (1.0F / 3) * g[1];
    u[4] = g[1];
  }
  template <class V>
  [[gnu::always_inline]] static void filter_gradient(const V* u, V* g) {
    g[0] = 0.5F * (u[0] - u[1]) + (1.0F / 6) * (u[3] - u[2]);
    g[1] = (1.0F / 6) * u[2] - 0.5F * u[1] + (1.0F / 3) * u[3] + u[4];
  }
};

template <>
struct Fast<2, 3> {
  template <class V>
  [[gnu::always_inline]] static void input(const V* d, V* v) {
    v[0] = d[0] - d[2];
    v[1] = d[1] + d[2];
    v[2] = d[2] - d[1];
    v[3] = d[3] - d[1];
  }
  template <class V>
  [[gnu::always_inline]] static void output(const V* m, V* y) {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] + m[3];
  }
  template <class V>
  [[gnu::always_inline]] static void gradient(const V* dy, V* w) {
    w[0] = dy[0];
    w[1] = dy[0] + dy[1];
    w[2] = dy[0] - dy[1];
    w[3] = dy[1];
  }
  template <class V>
  [[gnu::always_inline]] static void filter(const V* g, V* u) {
    const V even = g[0] + g[2];
    u[0] = g[0];
    u[1] = 0.5F * (even + g[1]);
    u[2] = 0.5F * (even - g[1]);
    u[3] = g[2];
  }
  template <class V>
  [[gnu::always_inline]] static void filter_gradient(const V* u, V* g) {
    const V half = 0.5F * (u[1] + u[2]);
    g[0] = u[0] + half;
    g[1] = 0.5F * (u[1] - u[2]);
    g[2] = half + u[3];
  }
};

/// At the points 0, 1, -1, 2, -2 and infinity.
template <>
struct Fast<4, 3> {
  template <class V>
  [[gnu::always_inline]] static void input(const V* d, V* v) {
    const V a = d[4] - 4.0F * d[2], b = d[3] - 4.0F * d[1];
    const V c = d[4] - d[2], e = 2.0F * (d[3] - d[1]);
    v[0] = 4.0F * (d[0] - d[2]) + c;
    v[1] = a + b;
    v[2] = a - b;
    v[3] = c + e;
    v[4] = c - e;
    v[5] = 4.0F * (d[1] - d[3]) + (d[5] - d[3]);
  }
  template <class V>
  [[gnu::always_inline]] static void output(const V* m, V* y) {
    const V near = m[1] + m[2], near_odd = m[1] - m[2];
    const V far = m[3] + m[4], far_odd = m[3] - m[4];
    y[0] = m[0] + near + far;
    y[1] = near_odd + 2.0F * far_odd;
    y[2] = near + 4.0F * far;
    y[3] = near_odd + 8.0F * far_odd + m[5];
  }
  template <class V>
  [[gnu::always_inline]] static void gradient(const V* dy, V* w) {
    const V even = dy[0] + dy[2], odd = dy[1] + dy[3];
    const V far_even = dy[0] + 4.0F * dy[2], far_odd = 2.0F * dy[1] + 8.0F * dy[3];
    w[0] = dy[0];
    w[1] = even + odd;
    w[2] = even - odd;
    w[3] = far_even + far_odd;
    w[4] = far_even - far_odd;
    w[5] = dy[3];
  }
  template <class V>
  [[gnu::always_inline]] static void filter(const V* g, V* u) {
    const V near = (-1.0F / 6) * (g[0] + g[2]), near_odd = (1.0F / 6) * g[1];
    const V far = (1.0F / 24) * g[0] + (1.0F / 6) * g[2], far_odd = (1.0F / 12) * g[1];
    u[0] = 0.25F * g[0];
    u[1] = near - near_odd;
    u[2] = near + near_odd;
    u[3] = far + far_odd;
    u[4] = far - far_odd;
    u[5] = g[2];
  }
  template <class V>
  [[gnu::always_inline]] static void filter_gradient(const V* u, V* g) {
    const V near = u[1] + u[2], far = u[3] + u[4];
    g[0] = 0.25F * u[0] - (1.0F / 6) * near + (1.0F / 24) * far;
    g[1] = (1.0F / 6) * (u[2] - u[1]) + (1.0F / 12) * (u[3] - u[4]);
    g[2] = (1.0F / 6) * (far - near) + u[5];
  }
};

/// At points between which errors grow least: about ten times those of F(4, 3).
template <>
struct Fast<8, 3> : SymmetricTransforms<Fast<8, 3>, 4> {
  static constexpr SymmetricPoints<4> at{{0.375, 0.75, 1.25, 2}};
};

}  // namespace gradus::kernel
