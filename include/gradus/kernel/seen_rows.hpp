/// What the rows of a block of output pixels see of images, in the orders in which products read
/// it.
#pragma once

#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/pairs.hpp>
#include <gradus/kernel/pixel_blocks.hpp>

#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gradus::kernel {

/// Numbers of 16 bits that are moved only.
using Bits = std::uint16_t;

inline const Bits* as_bits(const c10::BFloat16* data) {
  return reinterpret_cast<const Bits*>(data);
}

/// Images [N, H, W, C] as the blocks of a pass see them: slot after slot of rows.
class SeenRows {
 public:
  SeenRows(const Bits* data, const Images& images, const PassAxis& down, const PassAxis& across,
           const PixelBlocks& blocks)
      : data_(data),
        images_(images),
        down_(down),
        taps_(across.taps),
        blocks_(blocks),
        slots_{blocks.rows, down.taps, down.in_step},
        zeros_(static_cast<std::size_t>(images.channels)),
        offsets_(static_cast<std::size_t>(across.taps * blocks.pitch), -1) {
    for (std::int64_t tap = 0; tap < taps_; ++tap) {
      for (std::int64_t i = 0; i < blocks.images * blocks.width; ++i) {
        const auto column = across.first_in + i % blocks.width * across.in_step + tap;
        if (column < 0 || column >= images.width) continue;
        offsets_[static_cast<std::size_t>(tap * blocks.pitch + i)] =
            i / blocks.width * images.size() + column * images.channels;
      }
    }
  }

  [[nodiscard]] const PixelBlocks& blocks() const { return blocks_; }
  [[nodiscard]] const RowSlots& slots() const { return slots_; }
  /// Pixels of all slots.
  [[nodiscard]] std::int64_t pixels() const { return slots_.count() * blocks_.pitch; }

  /// Channels [first, first + count) of all taps across, in pairs of pixels [slots, pitch / 2,
  /// columns, 2]: column tap * count + channel. Columns beyond taps * count are zero. The pitch is
  /// even.
  template <class Set>
  [[gnu::always_inline]] void pairs(std::int64_t block, std::int64_t first, std::int64_t count,
                                    std::int64_t columns, Pair* to) const {
    each_row(block, [&](std::int64_t slot, const Row& row) __attribute__((always_inline)) {
      Pair* of_row = to + slot * blocks_.pitch / 2 * columns;
      for (std::int64_t tap = 0; tap < taps_; ++tap) {
        Pair* out = of_row + tap * count;
        for (std::int64_t i = 0; i < blocks_.pitch; i += 2, out += columns) {
          interleave<Set>(row.pixel(tap, i) + first, row.pixel(tap, i + 1) + first, count, out);
        }
      }
      if (columns == taps_ * count) return;
      for (std::int64_t i = 0; i < blocks_.pitch / 2; ++i) {
        std::fill_n(of_row + i * columns + taps_ * count, columns - taps_ * count, Pair{0});
      }
    });
  }

  /// Tap 0 across, transposed: [channels, step, 2]. The pitch is a multiple of 32 pixels.
  template <class Set>
  [[gnu::always_inline]] void transposed(std::int64_t block, Pair* to, std::int64_t step) const {
    const auto wide = rounded_up(images_.channels, square);
    std::vector<std::uint32_t> lines(static_cast<std::size_t>(square * wide));
    each_row(block, [&](std::int64_t slot, const Row& row) __attribute__((always_inline)) {
      for (std::int64_t first = 0; first < blocks_.pitch; first += 2 * square) {
        for (std::int64_t i = 0; i < square; ++i) {
          interleave<Set>(row.pixel(0, first + 2 * i), row.pixel(0, first + 2 * i + 1),
                          images_.channels, lines.data() + i * wide);
        }
        transpose_pairs<Set>({lines.data(), square, images_.channels, wide},
                             to + (slot * blocks_.pitch + first) / 2, step);
      }
    });
  }

  /// All taps across and channels of each pixel side by side: [slots, pitch, step]. Channels of a
  /// tap, and then all, are filled up with zeros, to an even number and to `step`.
  void patches(std::int64_t block, Bits* to, std::int64_t step) const {
    const auto channels = images_.channels, even = rounded_up(channels, 2);
    each_row(block, [&](std::int64_t slot, const Row& row) {
      Bits* patch = to + slot * blocks_.pitch * step;
      for (std::int64_t i = 0; i < blocks_.pitch; ++i, patch += step) {
        if (even == channels && row.sees(0, i) && row.sees(taps_ - 1, i)) {
          std::copy_n(row.pixel(0, i), taps_ * channels, patch);
        } else {
          for (std::int64_t tap = 0; tap < taps_; ++tap) {
            std::copy_n(row.pixel(tap, i), channels, patch + tap * even);
            if (even > channels) patch[tap * even + channels] = 0;
          }
        }
        std::fill(patch + taps_ * even, patch + step, Bits{0});
      }
    });
  }

 private:
  /// A row of a block: its pixels up to `filled` may be of images.
  struct Row {
    const SeenRows& of;
    const Bits* from;
    std::int64_t filled;

    [[nodiscard]] std::int64_t offset(std::int64_t tap, std::int64_t i) const {
      return of.offsets_[static_cast<std::size_t>(tap * of.blocks_.pitch + i)];
    }
    [[nodiscard]] bool sees(std::int64_t tap, std::int64_t i) const {
      return i < filled && offset(tap, i) >= 0;
    }
    /// Its channels; zeros where there is no image.
    [[nodiscard]] const Bits* pixel(std::int64_t tap, std::int64_t i) const {
      return sees(tap, i) ? from + offset(tap, i) : of.zeros_.data();
    }
  };

  /// `body(slot, row)` for all that a block sees.
  template <class Body>
  [[gnu::always_inline]] void each_row(std::int64_t block, const Body& body) const {
    const auto place = blocks_.place(block);
    const auto top = down_.first_in + place.row * down_.in_step;
    std::int64_t slot = 0;
    for (std::int64_t phase = 0; phase < slots_.phases(); ++phase) {
      for (std::int64_t i = 0; i < slots_.length(phase); ++i, ++slot) {
        const auto height = top + i * slots_.step + phase;
        const bool inside = height >= 0 && height < images_.height;
        const Bits* from = data_ + place.image * images_.size() +
                           (inside ? height * images_.width * images_.channels : 0);
        body(slot, Row{*this, from, inside ? place.images * blocks_.width : 0});
      }
    }
  }

  const Bits* data_;
  Images images_;
  PassAxis down_;
  std::int64_t taps_;
  PixelBlocks blocks_;
  RowSlots slots_;
  std::vector<Bits> zeros_;
  std::vector<std::int64_t> offsets_;  ///< [taps, pitch] from an image's row on, -1 for none
};

}  // namespace gradus::kernel
