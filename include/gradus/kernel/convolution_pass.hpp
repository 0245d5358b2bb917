/// One direction of a convolution in float32 by a fast algorithm: from inputs to outputs, or from
/// gradients of outputs to those of inputs.
#pragma once

#include <gradus/kernel/filters.hpp>
#include <gradus/kernel/for_chunks.hpp>
#include <gradus/kernel/instruction_set.hpp>
#include <gradus/kernel/panel_product.hpp>
#include <gradus/kernel/tiles.hpp>
#include <gradus/kernel/transforms.hpp>

#include <algorithm>
#include <cstdint>

namespace gradus::kernel {

template <class Algorithm>
class ConvolutionPass {
 public:
  ConvolutionPass(const Tiles<Algorithm>& tiles, const float* x, const Weights& weights,
                  const Added& added, float* y)
      : tiles_(tiles), x_(x), weights_(weights), added_(added), y_(y) {}

  /// Where filters are few, a thread takes a block of tiles through all stages, and it stays in
  /// that processor's own cache; where they are many, all threads share a block, and each
  /// transforms the filters of its own output panels.
  void run() const {
    if (filters_of<Algorithm> * tiles_.in.channels * tiles_.out.channels <= few_filters) {
      by_blocks();
    } else {
      by_panels();
    }
  }

 private:
  static constexpr std::int64_t few_filters = 256 * 1024;

  void by_blocks() const {
    const auto filters = of_filters(out_panels());
    for_chunks(out_panels(), [&](std::int64_t from, std::int64_t to) {
      for (auto which = from; which < to; ++which) transform(which, filters, which);
    });
    const auto count = tiles_.count();
    const auto rows = rows_for(128 * 1024);
    for_chunks((count + rows - 1) / rows, [&](std::int64_t from, std::int64_t to) {
      const auto data = of_inputs(rows), products = of_outputs(rows);
      for (auto first = from * rows; first < std::min(count, to * rows); first += rows) {
        const auto last = std::min(count, first + rows);
        read(first, last, data);
        for (std::int64_t which = 0; which < out_panels(); ++which) {
          multiply(data, filters, which, products);
          write(products, first, last, which);
        }
      }
    });
  }

  void by_panels() const {
    const auto count = tiles_.count();
    const auto blocks = (count + 255) / 256;
    const auto rows = panels((count + blocks - 1) / blocks) * panel;
    const auto data = of_inputs(rows);
    for (std::int64_t first = 0; first < count; first += rows) {
      const auto last = std::min(count, first + rows);
      for_chunks(last - first, [&](std::int64_t from, std::int64_t to) {
        read(first + from, first + to, data, from);
      });
      for_chunks(out_panels(), [&](std::int64_t from, std::int64_t to) {
        const auto filters = of_filters(1), products = of_outputs(rows);
        for (auto which = from; which < to; ++which) {
          transform(which, filters, 0);
          multiply(data, filters, 0, products);
          write(products, first, last, which);
        }
      });
    }
  }

  [[nodiscard]] std::int64_t out_panels() const { return panels(tiles_.out.channels); }

  /// So many tiles that their data are about `floats`.
  [[nodiscard]] std::int64_t rows_for(std::int64_t floats) const {
    const auto rows = floats / (points_of<Algorithm> * tiles_.in.channels);
    return std::clamp(rows / 48, std::int64_t{1}, std::int64_t{4}) * 48;
  }
  [[nodiscard]] Factors of_filters(std::int64_t which) const {
    return {filters_of<Algorithm>, which, panels(weights_.rows()) * panel};
  }
  [[nodiscard]] Factors of_inputs(std::int64_t rows) const {
    return {points_of<Algorithm>, panels(tiles_.in.channels), rows};
  }
  [[nodiscard]] Factors of_outputs(std::int64_t rows) const {
    return {points_of<Algorithm>, 1, rows};
  }

  void transform(std::int64_t which, const Factors& filters, std::int64_t to_panel) const {
    run_wide([&](auto set) __attribute__((always_inline)) {
      transform_filters<decltype(set), Algorithm>(weights_, which, filters, to_panel);
    });
  }
  void read(std::int64_t first, std::int64_t last, const Factors& data,
            std::int64_t row = 0) const {
    run_wide([&](auto set) __attribute__((always_inline)) {
      transform_inputs<decltype(set)>(tiles_, x_, first, last, row, data);
    });
  }
  void write(const Factors& products, std::int64_t first, std::int64_t last,
             std::int64_t which) const {
    run_wide([&](auto set) __attribute__((always_inline)) {
      transform_outputs<decltype(set)>(tiles_, products, first, last, which, added_, y_);
    });
  }

  /// products[point] = data[point] times the filters that belong to it, in panel `which`.
  void multiply(const Factors& data, const Factors& filters, std::int64_t which,
                const Factors& products) const {
    const auto tail = tiles_.in.channels - (data.panels - 1) * panel;
    run_wide([&](auto set) __attribute__((always_inline)) {
      using Set = decltype(set);
      for (int filter = 0; filter < filters_of<Algorithm>; ++filter) {
        const int y = filter / Algorithm::filters, x = filter % Algorithm::filters;
        for (int p = Algorithm::first(y); p < Algorithm::first(y + 1); ++p) {
          for (int q = Algorithm::first(x); q < Algorithm::first(x + 1); ++q) {
            const auto point = p * Algorithm::points + q;
            for (std::int64_t row = 0; row < data.rows; row += Set::rows) {
              const auto at = std::min(row, data.rows - Set::rows) * panel;
              multiply_panel<Set, Set::rows, panel, 1>(
                  {data.at(point, 0) + at, data.panels, panel, tail, data.rows * panel},
                  filters.at(filter, which), products.at(point, 0) + at, false);
            }
          }
        }
      }
    });
  }

  const Tiles<Algorithm>& tiles_;
  const float* x_;
  Weights weights_;
  Added added_;
  float* y_;
};

}  // namespace gradus::kernel
