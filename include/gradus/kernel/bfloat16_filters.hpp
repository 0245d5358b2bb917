/// Filters in bfloat16 as the right matrices of block products.
#pragma once

#include <gradus/kernel/for_chunks.hpp>
#include <gradus/kernel/instruction_set.hpp>
#include <gradus/kernel/pairs.hpp>
#include <gradus/kernel/pixel_blocks.hpp>
#include <gradus/kernel/seen_rows.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gradus::kernel {

/// The weights [O, k, k, C] of a layer, as a pass uses them: from C to O channels, or, `turned`,
/// from O to C.
struct FilterBits {
  const Bits* data;
  std::int64_t out, in, taps;
  bool turned;

  [[nodiscard]] std::int64_t rows() const { return turned ? out : in; }
  [[nodiscard]] std::int64_t columns() const { return turned ? in : out; }
};

/// For each panel of 64 columns and each tap down a matrix [depth / 2, columns, 2]: row
/// j * channels + c is of tap j across and input channel c, the channels filled up to an even
/// number, the depth to a multiple of 32, which is what a tile has, and the columns of the last
/// panel to one of 16. What fills up is zero.
class PackedFilters {
 public:
  static constexpr std::int64_t width = 64;

  PackedFilters(const FilterBits& filters, const PassAxis& down, const PassAxis& across)
      : filters_(filters), down_(down), across_(across) {
    if (down.taps * across.taps == 0) return;
    memory_ = at::empty({panels() * down.taps * depth() / 2 * width}, at::kInt);
    data_ = static_cast<Pair*>(memory_.mutable_data_ptr());
    for_chunks(panels() * down.taps, [&](std::int64_t from, std::int64_t to) {
      run_wide([&](auto set) __attribute__((always_inline)) {
        for (auto i = from; i < to; ++i) pack<decltype(set)>(i / down_.taps, i % down_.taps);
      });
    });
  }

  [[nodiscard]] std::int64_t panels() const { return parts_of(filters_.columns(), width); }
  [[nodiscard]] std::int64_t depth() const { return rounded_up(across_.taps * channels(), 32); }
  /// Those of the layer, and those that are multiplied.
  [[nodiscard]] std::int64_t filled(std::int64_t which) const {
    return std::min(width, filters_.columns() - which * width);
  }
  [[nodiscard]] std::int64_t columns(std::int64_t which) const {
    return rounded_up(filled(which), 16);
  }
  [[nodiscard]] Pair* at(std::int64_t which, std::int64_t tap) const {
    return data_ + which * down_.taps * depth() / 2 * width + tap * depth() / 2 * columns(which);
  }

 private:
  [[nodiscard]] std::int64_t channels() const { return rounded_up(filters_.rows(), 2); }

  /// Input channel 0 of a tap of the filter that makes column 0 of a panel.
  [[nodiscard]] const Bits* filter(std::int64_t which, std::int64_t tap_down,
                                   std::int64_t tap_across) const {
    const auto row = down_.first_tap + tap_down * down_.tap_step;
    const auto column = across_.first_tap + tap_across * across_.tap_step;
    const auto first = which * width;
    return filters_.data + (row * filters_.taps + column) * filters_.in +
           (filters_.turned ? first : first * step());
  }
  /// From an output channel's filter to the next one's.
  [[nodiscard]] std::int64_t step() const { return filters_.taps * filters_.taps * filters_.in; }

  static bool holds_pairs(const Bits* data) {
    return reinterpret_cast<std::uintptr_t>(data) % alignof(Pair) == 0;
  }

  template <class Set>
  [[gnu::always_inline]] void pack(std::int64_t which, std::int64_t tap) const {
    const auto wide = columns(which), rows = channels() / 2;
    Pair* to = at(which, tap);
    for (std::int64_t j = 0; j < across_.taps; ++j, to += rows * wide) {
      const Bits* from = filter(which, tap, j);
      if (filters_.turned) {
        interleave_rows<Set>(from, filled(which), to, wide);
      } else if (filters_.in % 2 == 0 && holds_pairs(from)) {
        transpose_pairs<Set>({reinterpret_cast<const Pair*>(from), filled(which), rows, step() / 2},
                             to, wide);
      } else {  // pairs that lie on no boundary of pairs
        transpose_numbers(from, filled(which), to, wide);
      }
    }
    std::fill(to, at(which, tap) + depth() / 2 * wide, Pair{0});
  }

  template <class Set>
  [[gnu::always_inline]] void interleave_rows(const Bits* from, std::int64_t count, Pair* to,
                                              std::int64_t wide) const {
    const std::vector<Bits> zeros(static_cast<std::size_t>(count));
    for (std::int64_t o = 0; o < filters_.out; o += 2, to += wide) {
      const Bits* next = o + 1 < filters_.out ? from + (o + 1) * step() : zeros.data();
      interleave<Set>(from + o * step(), next, count, to);
      std::fill(to + count, to + wide, Pair{0});
    }
  }

  void transpose_numbers(const Bits* from, std::int64_t count, Pair* to, std::int64_t wide) const {
    for (std::int64_t c = 0; c < filters_.in; c += 2, to += wide) {
      for (std::int64_t o = 0; o < wide; ++o) {
        const Bits* at = from + o * step() + c;
        const std::uint32_t low = o < count ? at[0] : 0;
        const std::uint32_t high = o < count && c + 1 < filters_.in ? at[1] : 0;
        to[o] = low | high << 16;
      }
    }
  }

  FilterBits filters_;
  PassAxis down_, across_;
  at::Tensor memory_;
  Pair* data_ = nullptr;
};

}  // namespace gradus::kernel
