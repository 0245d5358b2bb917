/// Images cut into tiles of outputs, each with the window of inputs that it sees.
#pragma once

#include <gradus/kernel/convolution_shape.hpp>

#include <cstdint>

namespace gradus::kernel {

/// A pass of `Algorithm` over images. Tile (0, 0) has its window at `first_in` and its outputs at
/// `first_out` in both dimensions; what lies outside is zero, or is not written.
template <class Algorithm>
struct Tiles {
  Images in, out;
  std::int64_t first_in, first_out;
  std::int64_t down = tiles_over(out.height), across = tiles_over(out.width);

  [[nodiscard]] std::int64_t count() const { return out.count * down * across; }

  struct Place {
    std::int64_t image, row, column;
  };
  [[nodiscard]] Place place(std::int64_t tile) const {
    const auto in_image = tile % (down * across);
    return {tile / (down * across), in_image / across, in_image % across};
  }
  void advance(Place& at) const {
    if (++at.column < across) return;
    at.column = 0;
    if (++at.row < down) return;
    at.row = 0;
    ++at.image;
  }

  /// Pointers to the pixels that the tile at `at` sees; `outside` for those that are none.
  template <class T>
  void window(const Place& at, T* x, T* outside,
              T* (&pixels)[Algorithm::window][Algorithm::window]) const {
    find(in, x, at.image, first_in + at.row * Algorithm::step,
         first_in + at.column * Algorithm::step, outside, pixels);
  }
  /// Pointers to the pixels that it makes.
  template <class T>
  void outputs(const Place& at, T* y, T* outside,
               T* (&pixels)[Algorithm::outputs][Algorithm::outputs]) const {
    find(out, y, at.image, first_out + at.row * Algorithm::outputs,
         first_out + at.column * Algorithm::outputs, outside, pixels);
  }

 private:
  [[nodiscard]] std::int64_t tiles_over(std::int64_t length) const {
    return (length - first_out + Algorithm::outputs - 1) / Algorithm::outputs;
  }

  template <class T, int Size>
  static void find(const Images& images, T* data, std::int64_t image, std::int64_t y,
                   std::int64_t x, T* outside, T* (&pixels)[Size][Size]) {
    T* from = data + image * images.size() + (y * images.width + x) * images.channels;
    const auto row = images.width * images.channels;
    const bool inside = y >= 0 && y + Size <= images.height && x >= 0 && x + Size <= images.width;
    for (int i = 0; i < Size; ++i) {
      for (int j = 0; j < Size; ++j) {
        const bool is_pixel =
            inside || (y + i >= 0 && y + i < images.height && x + j >= 0 && x + j < images.width);
        pixels[i][j] = is_pixel ? from + i * row + j * images.channels : outside;
      }
    }
  }
};

template <class Algorithm>
Tiles<Algorithm> forward_tiles(const ConvolutionShape& shape) {
  return {shape.in, shape.out(), -shape.padding, 0};
}

/// From gradients of outputs to those of inputs.
template <class Algorithm>
Tiles<typename Algorithm::Transpose> transposed_tiles(const ConvolutionShape& shape) {
  if (shape.stride == 1) {
    return {shape.out(), shape.in, shape.padding - shape.taps + 1, 0};
  }
  if (shape.taps == 1) return {shape.out(), shape.in, 0, 0};
  // Stride2Transpose starts with an output under the middle tap: the odd ones, counted from the
  // first padded pixel.
  const auto first = (shape.padding % 2 == 1 ? shape.padding : shape.padding - 1) % 2;
  return {shape.out(), shape.in, (first - 1) / 2, first - shape.padding};
}

}  // namespace gradus::kernel
