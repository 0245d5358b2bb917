/// The transforms of tiles: from pixels to the factors of products, and from products to pixels.
#pragma once

#include <gradus/kernel/elements.hpp>
#include <gradus/kernel/panel_product.hpp>
#include <gradus/kernel/tiles.hpp>
#include <gradus/kernel/vectors.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gradus::kernel {

/// Numbers [points, panels, rows, 16]: for each product, a matrix [rows, columns] in panels.
struct Factors {
  std::int64_t points, panels, rows;
  std::int64_t point_step =
      panels * rows * panel + panel;  ///< one line more, lest all points share a set of a cache
  at::Tensor memory = at::empty({points * point_step}, at::kFloat);
  float* data = memory.mutable_data_ptr<float>();

  [[nodiscard]] float* at(std::int64_t point, std::int64_t which) const {
    return data + point * point_step + which * rows * panel;
  }
};

template <class Algorithm>
constexpr std::int64_t points_of = std::int64_t{Algorithm::points} * Algorithm::points;

/// So many rows that a panel of them, for all points, stays in a second-level cache.
template <class Algorithm>
constexpr std::int64_t rows_of_a_panel =
    std::min(112 * 1024 / (points_of<Algorithm> * panel), std::int64_t{288});

/// Applies `transform`, from In to Out numbers, along both sides of a square.
template <int In, int Out, class V, class Load, class Transform, class Store>
[[gnu::always_inline]] inline void transform_square(const Load& load_at, const Transform& transform,
                                                    const Store& store_at) {
  V half[In][Out];
  for (int j = 0; j < In; ++j) {
    V column[In];
    unrolled<In>([&](auto i) __attribute__((always_inline)) { load_at(i, j, column[i]); });
    transform(column, half[j]);
  }
  for (int i = 0; i < Out; ++i) {
    V row[In], result[Out];
    unrolled<In>([&](auto j) __attribute__((always_inline)) { row[j] = half[j][i]; });
    transform(row, result);
    unrolled<Out>([&](auto j) __attribute__((always_inline)) { store_at(i, j, result[j]); });
  }
}

/// Transforms `Size` x `Size` pixels to Points x Points rows number `row` of `to`. `copy` serves
/// the last panel, if it is not whole.
template <class Set, int Size, int Points, class T, class Transform>
[[gnu::always_inline]] inline void transform_pixels(const T* (&pixels)[Size][Size],
                                                    std::int64_t channels,
                                                    const Transform& transform, std::int64_t row,
                                                    const Factors& to) {
  using V = Vector<Set::lanes>;
  for (std::int64_t which = 0; which < to.panels; ++which) {
    auto offset = which * panel;
    T copies[Size][Size][panel];
    const T* copied[Size][Size];
    const T*(*at)[Size] = pixels;
    if (const auto count = channels - offset; count < panel) {
      for (int i = 0; i < Size; ++i) {
        for (int j = 0; j < Size; ++j) {
          copied[i][j] = copies[i][j];
          std::fill(std::copy_n(pixels[i][j] + offset, count, copies[i][j]), copies[i][j] + panel,
                    T(0.0F));
        }
      }
      at = copied;
      offset = 0;
    }
    for (int lane = 0; lane < panel; lane += Set::lanes) {
      float* out = to.at(0, which) + row * panel + lane;
      transform_square<Size, Points, V>(
          [&](int i, int j, V& v)
              __attribute__((always_inline)) { load(v, at[i][j] + offset + lane); },
          transform,
          [&](int i, int j, const V& v)
              __attribute__((always_inline)) { store(out + (i * Points + j) * to.point_step, v); });
    }
  }
}

/// What tiles [first, last) see, transformed, as rows from `row` on.
template <class Set, class Algorithm, class T>
[[gnu::always_inline]] inline void transform_inputs(const Tiles<Algorithm>& tiles, const T* x,
                                                    std::int64_t first, std::int64_t last,
                                                    std::int64_t row, const Factors& to) {
  const std::vector<T> zeros(static_cast<std::size_t>(tiles.in.channels), T(0.0F));
  auto at = tiles.place(first);
  for (; first < last; ++first, ++row, tiles.advance(at)) {
    const T* pixels[Algorithm::window][Algorithm::window];
    tiles.window(at, x, zeros.data(), pixels);
    transform_pixels<Set, Algorithm::window, Algorithm::points>(
        pixels, tiles.in.channels,
        [](const auto* d, auto* v) __attribute__((always_inline)) { Algorithm::input(d, v); }, row,
        to);
  }
}

/// Gradients of what they make, likewise.
template <class Set, class Algorithm, class T>
[[gnu::always_inline]] inline void transform_gradients(const Tiles<Algorithm>& tiles, const T* dy,
                                                       std::int64_t first, std::int64_t last,
                                                       std::int64_t row, const Factors& to) {
  const std::vector<T> zeros(static_cast<std::size_t>(tiles.out.channels), T(0.0F));
  auto at = tiles.place(first);
  for (; first < last; ++first, ++row, tiles.advance(at)) {
    const T* pixels[Algorithm::outputs][Algorithm::outputs];
    tiles.outputs(at, dy, zeros.data(), pixels);
    transform_pixels<Set, Algorithm::outputs, Algorithm::points>(
        pixels, tiles.out.channels,
        [](const auto* dy_of, auto* w)
            __attribute__((always_inline)) { Algorithm::gradient(dy_of, w); },
        row, to);
  }
}

/// What is added to outputs: one number a channel, and images of their shape; either may be null.
template <class T>
struct Added {
  const T* bias = nullptr;
  const T* images = nullptr;
};

/// Writes channels [which * 16, ...) of the outputs of tiles [first, last), whose products are rows
/// from 0 on of `from`, of one panel.
template <class Set, class Algorithm, class T>
[[gnu::always_inline]] inline void transform_outputs(const Tiles<Algorithm>& tiles,
                                                     const Factors& from, std::int64_t first,
                                                     std::int64_t last, std::int64_t which,
                                                     const Added<T>& added, T* y) {
  using V = Vector<Set::lanes>;
  constexpr int points = Algorithm::points, outputs = Algorithm::outputs;
  const auto offset = which * panel;
  const auto count = std::min(panel, tiles.out.channels - offset);
  float biases[panel] = {};
  for (std::int64_t c = 0; added.bias != nullptr && c < count; ++c) {
    biases[c] = load(added.bias[offset + c]);
  }
  auto at = tiles.place(first);
  const float* products = from.at(0, 0);
  for (; first < last; ++first, products += panel, tiles.advance(at)) {
    T* pixels[outputs][outputs];
    const T* others[outputs][outputs] = {};
    tiles.outputs(at, y, static_cast<T*>(nullptr), pixels);
    if (added.images != nullptr) {
      tiles.outputs(at, added.images, static_cast<const T*>(nullptr), others);
    }
    const bool direct =
        count == panel && pixels[0][0] != nullptr && pixels[outputs - 1][outputs - 1] != nullptr;
    float whole[outputs][outputs][panel];
    for (int lane = 0; lane < panel; lane += Set::lanes) {
      V bias;
      load(bias, biases + lane);
      transform_square<points, outputs, V>(
          [&](int i, int j, V& v) __attribute__((always_inline)) {
            load(v, products + lane + (i * points + j) * from.point_step);
          },
          [](const V* m, V* to) __attribute__((always_inline)) { Algorithm::output(m, to); },
          [&](int i, int j, const V& v) __attribute__((always_inline)) {
            V sum = v + bias;
            if (direct && others[i][j] != nullptr) {
              V other;
              load(other, others[i][j] + offset + lane);
              sum += other;
            }
            if (direct) {
              store(pixels[i][j] + offset + lane, sum);
            } else {
              store(whole[i][j] + lane, sum);
            }
          });
    }
    if (direct) continue;
    for (int i = 0; i < outputs; ++i) {
      for (int j = 0; j < outputs; ++j) {
        if (pixels[i][j] == nullptr) continue;
        for (std::int64_t c = 0; c < count; ++c) {
          const float other = others[i][j] == nullptr ? 0.0F : load(others[i][j][offset + c]);
          store(pixels[i][j][offset + c], whole[i][j][c] + other);
        }
      }
    }
  }
}

}  // namespace gradus::kernel
