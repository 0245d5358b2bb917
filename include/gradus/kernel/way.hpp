/// The ways in which a convolution can be computed.
#pragma once

#include <gradus/device/device.hpp>
#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/micro_kernel.hpp>

#include <c10/core/ScalarType.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gradus {

/// How one part of a convolution is computed.
enum class ConvolutionWay : std::uint8_t {
  library,      ///< by LibTorch's operator
  product,      ///< the patches gathered, and multiplied as matrices
  small_tiles,  ///< float32, fast filtering over tiles of 2 x 2 outputs
  large_tiles,  ///< over 4 x 4, bfloat16 too: fewer products, errors about five times larger
  blocks,       ///< bfloat16, matrix products of blocks that stay in a cache
  huge_tiles,   ///< bfloat16, tiles of 8 x 8: errors far below what rounding the result leaves
};

constexpr std::array<std::string_view, 6> enum_names(ConvolutionWay) {
  return {"library", "product", "small_tiles", "large_tiles", "blocks", "huge_tiles"};
}

/// The parts of a convolution in a training step.
enum class ConvolutionPart : std::uint8_t { forward, input_gradient, weight_gradient };

constexpr std::array<std::string_view, 3> enum_names(ConvolutionPart) {
  return {"forward", "input_gradient", "weight_gradient"};
}

namespace kernel {

/// Whether tiles serve a shape: filters of 1 x 1 or 3 x 3, stride 1 or 2.
inline bool fits_tiles(const ConvolutionShape& shape) {
  if (shape.stride != 1 && shape.stride != 2) return false;
  return (shape.taps == 3 && shape.padding <= 2) || (shape.taps == 1 && shape.padding == 0);
}

/// Those that can compute `shape` on this processor and may pay, LibTorch's first.
inline std::vector<ConvolutionWay> ways_for(const ConvolutionShape& shape, c10::ScalarType type) {
  using enum ConvolutionWay;
  constexpr std::int64_t small = 64;       // pixels, up to which a copy of all patches is cheap
  constexpr std::int64_t much = 64 << 20;  // numbers of that copy
  const auto out = shape.out();
  const bool few = out.height * out.width <= small || pays_as_product(shape);
  std::vector<ConvolutionWay> ways{library};
  // Of all batches that share a choice (ConvolutionCall::of) the same.
  const auto count = std::bit_floor(static_cast<std::uint64_t>(out.count));
  const auto copied = static_cast<std::int64_t>(count) * out.height * out.width * shape.patch();
  if (few && copied <= much) ways.push_back(product);
  if (type == c10::kFloat && fits_tiles(shape)) {
    ways.push_back(small_tiles);
    if (shape.taps == 3 && out.height > 2 && out.width > 2) ways.push_back(large_tiles);
  }
  if (type == c10::kBFloat16) {
    // Tiles whose products are so few that float32 can gain over bfloat16.
    if (fits_tiles(shape) && shape.taps == 3 && shape.stride == 1) {
      const auto least = std::min(out.height, out.width);
      if (least > 2) ways.push_back(large_tiles);
      if (least > 4) ways.push_back(huge_tiles);
    }
    if (LibraryMicroKernel::available()) ways.push_back(blocks);
  }
  return ways;
}

/// Of `ways` the tiles that take the fewest products, for which large ones may reach too far beyond
/// small maps; `library` if there are none.
inline ConvolutionWay usual_tiles(const ConvolutionShape& shape,
                                  const std::vector<ConvolutionWay>& ways) {
  using enum ConvolutionWay;
  const auto out = shape.out();
  const auto products = [&](ConvolutionWay way) {
    const std::int64_t outputs = way == small_tiles ? 2 : way == large_tiles ? 4 : 8;
    const auto points = shape.stride == 1 ? outputs + 2 : 2 * outputs + 1;
    const auto tiles_over = [&](std::int64_t length) { return (length + outputs - 1) / outputs; };
    return tiles_over(out.height) * tiles_over(out.width) * points * points;
  };
  auto best = library;
  for (const auto way : {small_tiles, large_tiles, huge_tiles}) {
    if (std::ranges::find(ways, way) == ways.end()) continue;
    if (best == library || products(way) < products(best)) best = way;
  }
  return best;
}

/// Of `ways`, those of `ways_for`, what pays on most processors, without a measurement.
inline ConvolutionWay usual_way(const ConvolutionShape& shape, c10::ScalarType type,
                                ConvolutionPart part, const std::vector<ConvolutionWay>& ways) {
  using enum ConvolutionWay;
  constexpr std::int64_t few = 256;  // pixels, for which filters are not worth a transform
  const bool of_weight = part == ConvolutionPart::weight_gradient;
  const bool deep = shape.taps == 3 && shape.in.channels >= 16 && shape.out_channels >= 16;
  const auto offers = [&](ConvolutionWay way) {
    return std::ranges::find(ways, way) != ways.end();
  };
  static const bool bfloat16_by_tiles = has_bfloat16_tiles();
  const bool by_float = type == c10::kFloat || !bfloat16_by_tiles;
  if (deep && by_float && (shape.stride == 1 || of_weight) && shape.out().pixels() >= few) {
    const auto tiles = usual_tiles(shape, ways);
    if (tiles != library) return tiles;
  }
  if (deep && of_weight && offers(blocks)) return blocks;
  return pays_as_product(shape) && offers(product) ? product : library;
}

}  // namespace kernel

}  // namespace gradus
