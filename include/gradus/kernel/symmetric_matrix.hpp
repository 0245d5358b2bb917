/// Symmetric matrices in float32: products of those that commute, at half the multiplications.
#pragma once

#include <gradus/kernel/for_chunks.hpp>
#include <gradus/kernel/instruction_set.hpp>
#include <gradus/kernel/pairs.hpp>
#include <gradus/kernel/panel_product.hpp>
#include <gradus/kernel/vectors.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>

namespace gradus::kernel {

/// [side, side] in panels of 16 columns, [side / 16, side, 16], rounded up with zeros: so it can be
/// the left or the right factor of a product as it lies.
class SymmetricMatrix {
 public:
  explicit SymmetricMatrix(std::int64_t side)
      : panels_(panels(side)),
        step_(panels_ * panel * panel + panel),
        memory_(at::empty({panels_ * step_}, at::kFloat)),
        data_(memory_.mutable_data_ptr<float>()) {}

  /// In squares of 16.
  [[nodiscard]] std::int64_t size() const { return panels_; }
  /// Square (i, j).
  [[nodiscard]] float* square(std::int64_t i, std::int64_t j) const {
    return data_ + j * step_ + i * panel * panel;
  }
  /// Rows [16 i, 16 i + 16) as a left factor.
  [[nodiscard]] LeftMatrix rows(std::int64_t i) const {
    return {square(i, 0), panels_, panel, panel, step_};
  }

  /// Calls `make(set, i, j, to)` for the squares on and below the diagonal, on LibTorch's threads,
  /// and copies what it wrote to `to` [16, 16] below the diagonal above it: all matrices are
  /// symmetric to the bit. If some were not, matrices that commute would rotate against each other.
  template <class Make>
  void fill(const Make& make) const {
    for_chunks(panels_ * (panels_ + 1) / 2, [&](std::int64_t from, std::int64_t to) {
      run_wide([&](auto set) __attribute__((always_inline)) {
        std::int64_t i = 0;
        while ((i + 1) * (i + 2) / 2 <= from) ++i;
        auto j = from - i * (i + 1) / 2;
        for (auto at = from; at < to; ++at) {
          make(set, i, j, square(i, j));
          mirror<decltype(set)>(i, j);
          if (++j > i) {
            ++i;
            j = 0;
          }
        }
      });
    });
  }

 private:
  template <class Set>
  [[gnu::always_inline]] void mirror(std::int64_t i, std::int64_t j) const {
    float turned[panel * panel];
    float* to = i == j ? turned : square(j, i);
    detail::transpose_square<Set>(reinterpret_cast<const Pair*>(square(i, j)), panel,
                                  reinterpret_cast<Pair*>(to), panel);
    for (std::int64_t row = 0; i == j && row < panel; ++row) {
      std::copy(turned + row * panel + row, turned + (row + 1) * panel,
                square(i, i) + row * panel + row);
    }
  }

  std::int64_t panels_;
  std::int64_t step_;  ///< one line more, lest panels share a set of a cache
  at::Tensor memory_;
  float* data_;
};

/// What becomes of a product: `factor` times it, plus `of_added` times `added`, if that is not
/// null, plus `diagonal` times the identity.
struct AfterProduct {
  float factor = 1;
  const SymmetricMatrix* added = nullptr;
  float of_added = 0;
  float diagonal = 0;
};

/// That of a b, which is symmetric because they commute.
inline SymmetricMatrix multiply(const SymmetricMatrix& a, const SymmetricMatrix& b,
                                const AfterProduct& then = {}) {
  SymmetricMatrix product(a.size() * panel);
  product.fill(
      [&](auto set, std::int64_t i, std::int64_t j, float* to) __attribute__((always_inline)) {
        multiply_square<decltype(set), panel, 1>(a.rows(i), b.square(0, j), to, false);
        const float* added = then.added == nullptr ? nullptr : then.added->square(i, j);
        for (std::int64_t at = 0; at < panel * panel; ++at) {
          to[at] = then.factor * to[at] + (added == nullptr ? 0.0F : then.of_added * added[at]);
        }
        for (std::int64_t at = 0; i == j && at < panel; ++at) to[at * (panel + 1)] += then.diagonal;
      });
  return product;
}

/// x x^T of x [rows, columns], which lies row after row.
inline SymmetricMatrix gram_matrix(const float* x, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t deep = 32;  // products that are summed before they are added
  const auto padded = panels(columns) * panel;
  const auto memory = at::empty({panels(rows) * padded * panel}, at::kFloat);
  float* turned = memory.mutable_data_ptr<float>();  // [rows / 16, columns, 16]
  for_chunks(panels(rows), [&](std::int64_t from, std::int64_t to) {
    run_wide([&](auto set) __attribute__((always_inline)) {
      for (auto i = from; i < to; ++i) {
        transpose_pairs<decltype(set)>({reinterpret_cast<const Pair*>(x + i * panel * columns),
                                        std::min(panel, rows - i * panel), columns, columns},
                                       reinterpret_cast<Pair*>(turned + i * padded * panel), panel);
      }
    });
  });
  SymmetricMatrix gram(rows);
  gram.fill(
      [&](auto set, std::int64_t i, std::int64_t j, float* to) __attribute__((always_inline)) {
        const float *left = turned + i * padded * panel, *right = turned + j * padded * panel;
        for (std::int64_t k = 0; k < columns; k += deep) {
          const auto length = std::min(deep, columns - k);
          multiply_square<decltype(set), 1, panel>({left + k * panel, 1, length, length, 0},
                                                   right + k * panel, to, k > 0);
        }
      });
  return gram;
}

/// y = q x of x and y [rows, columns], which lie row after row.
inline void multiply(const SymmetricMatrix& q, const float* x, std::int64_t rows,
                     std::int64_t columns, float* y) {
  for_chunks(panels(columns), [&](std::int64_t from, std::int64_t to) {
    const auto memory = at::empty({(q.size() + 1) * panel * panel}, at::kFloat);
    float* part = memory.mutable_data_ptr<float>();  // 16 columns of x, and of 16 rows of y
    float* product = part + q.size() * panel * panel;
    run_wide([&](auto set) __attribute__((always_inline)) {
      std::fill(part, product, 0.0F);
      for (auto j = from; j < to; ++j) {
        const auto wide = std::min(panel, columns - j * panel);
        for (std::int64_t row = 0; row < rows; ++row) {
          std::fill(std::copy_n(x + row * columns + j * panel, wide, part + row * panel),
                    part + (row + 1) * panel, 0.0F);
        }
        for (std::int64_t i = 0; i < q.size(); ++i) {
          multiply_square<decltype(set), panel, 1>(q.rows(i), part, product, false);
          for (std::int64_t row = i * panel; row < std::min(rows, (i + 1) * panel); ++row) {
            std::copy_n(product + row % panel * panel, wide, y + row * columns + j * panel);
          }
        }
      }
    });
  });
}

}  // namespace gradus::kernel
