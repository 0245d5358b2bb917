/// Numbers of 16 bits moved in pairs: rows interleaved, and matrices of pairs transposed.
#pragma once

#include <gradus/kernel/vectors.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

namespace gradus::kernel {

static_assert(std::endian::native == std::endian::little, "a pair has its first number low");

/// Two numbers of 16 bits that lie side by side in memory, whatever they mean.
using Pair [[gnu::may_alias]] = std::uint32_t;

/// Pairs of a side of the squares in which matrices are transposed.
constexpr std::int64_t square = 16;

template <int Lanes>
using PairVector [[gnu::vector_size(Lanes * sizeof(std::uint32_t))]] = std::uint32_t;
template <int Lanes>
using HalfVector [[gnu::vector_size(Lanes * sizeof(std::uint16_t))]] = std::uint16_t;

/// to[i] = {low[i], high[i]} for `count` numbers.
template <class Set>
[[gnu::always_inline]] inline void interleave(const std::uint16_t* low, const std::uint16_t* high,
                                              std::int64_t count, Pair* to) {
  constexpr int lanes = Set::lanes;
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    HalfVector<lanes> first, second;
    std::memcpy(&first, low + i, sizeof(first));
    std::memcpy(&second, high + i, sizeof(second));
    const PairVector<lanes> pairs = __builtin_convertvector(first, PairVector<lanes>) |
                                    __builtin_convertvector(second, PairVector<lanes>) << 16;
    std::memcpy(to + i, &pairs, sizeof(pairs));
  }
  for (; i < count; ++i) to[i] = low[i] | static_cast<std::uint32_t>(high[i]) << 16;
}

namespace detail {

/// Exchanges the lower left and the upper right squares of side `Step` within 2 `Step` rows.
template <int Lanes, int Step>
[[gnu::always_inline]] inline void exchange(PairVector<Lanes>& upper, PairVector<Lanes>& lower) {
  const auto of_lanes =
      [&]<int... L>(std::integer_sequence<int, L...>) __attribute__((always_inline)) {
        const PairVector<Lanes> up =
            __builtin_shufflevector(upper, lower, ((L & Step) != 0 ? Lanes + L - Step : L)...);
        lower = __builtin_shufflevector(upper, lower, ((L & Step) != 0 ? Lanes + L : L + Step)...);
        upper = up;
      };
  of_lanes(std::make_integer_sequence<int, Lanes>{});
}

template <int Lanes, int Step = Lanes / 2>
[[gnu::always_inline]] inline void transpose_vectors(PairVector<Lanes> (&rows)[Lanes]) {
  unrolled<Lanes>([&](auto i) __attribute__((always_inline)) {
    if constexpr ((i & Step) == 0) exchange<Lanes, Step>(rows[i], rows[i + Step]);
  });
  if constexpr (Step > 1) transpose_vectors<Lanes, Step / 2>(rows);
}

/// A whole square.
template <class Set>
[[gnu::always_inline]] inline void transpose_square(const Pair* from, std::int64_t from_step,
                                                    Pair* to, std::int64_t to_step) {
  constexpr int lanes = Set::lanes;
  for (std::int64_t row = 0; row < square; row += lanes) {
    for (std::int64_t column = 0; column < square; column += lanes) {
      PairVector<lanes> rows[lanes];
      unrolled<lanes>([&](auto i) __attribute__((always_inline)) {
        std::memcpy(&rows[i], from + (row + i) * from_step + column, sizeof(rows[i]));
      });
      transpose_vectors<lanes>(rows);
      unrolled<lanes>([&](auto i) __attribute__((always_inline)) {
        std::memcpy(to + (column + i) * to_step + row, &rows[i], sizeof(rows[i]));
      });
    }
  }
}

}  // namespace detail

/// A matrix of pairs [rows, columns], `step` pairs from row to row.
struct PairMatrix {
  const Pair* data;
  std::int64_t rows, columns, step;
};

/// to[column][row] = from[row][column]. Rows of `to` are written up to the next multiple of 16
/// pairs, with zeros.
template <class Set>
[[gnu::always_inline]] inline void transpose_pairs(const PairMatrix& from, Pair* to,
                                                   std::int64_t to_step) {
  for (std::int64_t row = 0; row < from.rows; row += square) {
    const auto high = std::min(square, from.rows - row);
    for (std::int64_t column = 0; column < from.columns; column += square) {
      const auto wide = std::min(square, from.columns - column);
      const Pair* source = from.data + row * from.step + column;
      Pair* target = to + column * to_step + row;
      if (high == square && wide == square) {
        detail::transpose_square<Set>(source, from.step, target, to_step);
        continue;
      }
      Pair part[square][square] = {}, turned[square][square];
      for (std::int64_t i = 0; i < high; ++i) {
        std::memcpy(part[i], source + i * from.step, static_cast<std::size_t>(wide) * sizeof(Pair));
      }
      detail::transpose_square<Set>(part[0], square, turned[0], square);
      for (std::int64_t i = 0; i < wide; ++i) {
        std::memcpy(target + i * to_step, turned[i], sizeof(turned[i]));
      }
    }
  }
}

}  // namespace gradus::kernel
