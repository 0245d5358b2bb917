/// Blocks of output pixels: rows of several images side by side, and the rows of inputs they see.
#pragma once

#include <gradus/kernel/convolution_shape.hpp>

#include <algorithm>
#include <cstdint>

namespace gradus::kernel {

constexpr std::int64_t rounded_up(std::int64_t length, std::int64_t to) {
  return (length + to - 1) / to * to;
}
constexpr std::int64_t parts_of(std::int64_t length, std::int64_t part) {
  return (length + part - 1) / part;
}

/// One dimension of a pass. Output number i lies at `first_out + i * out_step` and sees tap j of
/// the input at `first_in + i * in_step + j`, times tap `first_tap + j * tap_step` of the filter.
struct PassAxis {
  std::int64_t count, taps;
  std::int64_t in_step = 1, first_in = 0;
  std::int64_t out_step = 1, first_out = 0;
  std::int64_t tap_step = 1, first_tap = 0;
};

/// Output pixels [count, height, width] in blocks, all of one size: `rows` rows of `images` images.
/// A row of a block holds that row of its first image, then of the next, and so on, and what fills
/// it up to `pitch`. So a tap that sees the next row of an image sees the next row of the block,
/// however small images are, and nothing lies between them.
struct PixelBlocks {
  std::int64_t count, height, width;
  std::int64_t images, rows, pitch;

  [[nodiscard]] std::int64_t bands() const { return parts_of(height, rows); }
  [[nodiscard]] std::int64_t blocks() const { return parts_of(count, images) * bands(); }
  [[nodiscard]] std::int64_t pixels() const { return rows * pitch; }

  /// Where a block begins, and what it has of images and rows.
  struct Place {
    std::int64_t image, row, images, rows;
  };
  [[nodiscard]] Place place(std::int64_t block) const {
    const auto image = block / bands() * images, row = block % bands() * rows;
    return {image, row, std::min(images, count - image), std::min(rows, height - row)};
  }
};

/// What blocks should be like: at most `pixels` of them (if a row of an image is not longer), rows
/// a multiple of `quantum`.
struct BlockWish {
  std::int64_t pixels, quantum;
};

/// The blocks that cost least by a count of pixels: those that fill up, those that are read again
/// since two blocks see them (reading takes about a seventh of a block's time), and a share that
/// each block costs.
inline PixelBlocks blocks_for(const Images& out, const PassAxis& down, const BlockWish& wish) {
  PixelBlocks best{};
  double least = 0;
  for (std::int64_t images = 1; images <= std::min<std::int64_t>(out.count, 64); ++images) {
    const auto pitch = rounded_up(images * out.width, wish.quantum);
    if (images > 1 && pitch > wish.pixels) break;
    const auto longest = std::clamp(wish.pixels / pitch, std::int64_t{1}, out.height);
    const auto rows = parts_of(out.height, parts_of(out.height, longest));
    const PixelBlocks blocks{out.count, out.height, out.width, images, rows, pitch};
    const auto fixed = static_cast<double>(wish.pixels) / 8;
    const auto halo = static_cast<double>(std::max<std::int64_t>(down.taps - 1, 0)) /
                      static_cast<double>(down.in_step * rows);
    const auto cost = static_cast<double>(blocks.blocks()) *
                      (static_cast<double>(blocks.pixels()) * (1 + halo / 7) + fixed);
    if (images == 1 || cost < least) {
      least = cost;
      best = blocks;
    }
  }
  return best;
}

/// The rows of inputs that the rows of a block see, in an order in which each tap sees consecutive
/// ones: first every `step`-th, from the first on, then every `step`-th from the second on.
struct RowSlots {
  std::int64_t rows, taps, step;

  [[nodiscard]] std::int64_t phases() const { return std::min(taps, step); }
  [[nodiscard]] std::int64_t length(std::int64_t phase) const {
    return rows + (taps - 1 - phase) / step;
  }
  /// The first slot of a phase; that of phase `phases()` is their number.
  [[nodiscard]] std::int64_t first(std::int64_t phase) const {
    std::int64_t slot = 0;
    for (std::int64_t before = 0; before < phase; ++before) slot += length(before);
    return slot;
  }
  [[nodiscard]] std::int64_t count() const { return first(phases()); }
  /// The slot that a tap of a block's first row sees.
  [[nodiscard]] std::int64_t of_tap(std::int64_t tap) const {
    return first(tap % step) + tap / step;
  }
};

}  // namespace gradus::kernel
