/// One direction of a convolution by a fast algorithm in float32, over tensors of float32 or
/// bfloat16: from inputs to outputs, or from gradients of outputs to those of inputs.
#pragma once

#include <gradus/kernel/filters.hpp>
#include <gradus/kernel/for_chunks.hpp>
#include <gradus/kernel/instruction_set.hpp>
#include <gradus/kernel/panel_product.hpp>
#include <gradus/kernel/tiles.hpp>
#include <gradus/kernel/transforms.hpp>

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace gradus::kernel {

template <class Algorithm, class T>
class ConvolutionPass {
 public:
  ConvolutionPass(const Tiles<Algorithm>& tiles, const T* x, const Weights<T>& weights,
                  const Added<T>& added, T* y)
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
  static constexpr std::int64_t few_filters = 2 * 1024 * 1024;
  /// Rows of transformed filters that stay in a processor's own cache.
  static constexpr std::int64_t deep = 128;

  void by_blocks() const {
    const auto filters = of_filters(out_panels(), weights_.rows());
    for_chunks(out_panels(), [&](std::int64_t from, std::int64_t to) {
      for (auto which = from; which < to; ++which) {
        transform(which, 0, weights_.rows(), filters, which);
      }
    });
    const auto count = tiles_.count();
    const std::int64_t shares = 2 * at::get_num_threads();  // blocks for each thread, at least
    const auto rows = std::min(rows_for(128 * 1024, 192), whole((count + shares - 1) / shares));
    for_chunks((count + rows - 1) / rows, [&](std::int64_t from, std::int64_t to) {
      const auto data = of_inputs(rows), products = of_outputs(rows);
      for (auto first = from * rows; first < std::min(count, to * rows); first += rows) {
        const auto length = std::min(count - first, rows);
        read(first, first + length, data, 0);
        for (std::int64_t which = 0; which < out_panels(); ++which) {
          multiply({data, 0, length}, 0, weights_.rows(), filters, which, products);
          write(products, first, first + length, which);
        }
      }
    });
  }

  void by_panels() const {
    const auto count = tiles_.count();
    const auto most = rows_for(8 * 1024 * 1024, rows_of_a_panel<Algorithm>);
    const auto blocks = (count + most - 1) / most;
    const auto rows = whole((count + blocks - 1) / blocks);
    const auto data = of_inputs(rows);
    // Several parts of a block where there are more threads than panels.
    const auto parts = std::clamp((2 * at::get_num_threads() + out_panels() - 1) / out_panels(),
                                  std::int64_t{1}, rows / unit);
    const auto part_rows = whole((rows + parts - 1) / parts);
    for (std::int64_t first = 0; first < count; first += rows) {
      const auto length = std::min(count - first, rows);
      for_chunks(length, [&](std::int64_t from, std::int64_t to) {
        read(first + from, first + to, data, from);
      });
      for_chunks(out_panels() * parts, [&](std::int64_t from, std::int64_t to) {
        const auto filters = of_filters(1, deep), products = of_outputs(part_rows);
        for (auto task = from; task < to; ++task) {
          const auto which = task / parts, row = task % parts * part_rows;
          if (row >= length) continue;
          const auto last = std::min(length, row + part_rows);
          const bool is_there = task > from && row > 0 && weights_.rows() <= deep;
          for (std::int64_t channel = 0; channel < weights_.rows(); channel += deep) {
            const auto end = std::min(channel + deep, weights_.rows());
            if (!is_there) transform(which, channel, end, filters, 0);
            multiply({data, row, last}, channel, end, filters, 0, products);
          }
          write(products, first + row, first + last, which);
        }
      });
    }
  }

  /// Rows: a multiple of what vectors sum at once.
  static constexpr std::int64_t unit_of(bool is_avx512) { return is_avx512 ? 16 : 48; }
  const std::int64_t unit = unit_of(instruction_set() == InstructionSet::avx512);
  [[nodiscard]] std::int64_t whole(std::int64_t rows) const {
    return (rows + unit - 1) / unit * unit;
  }

  [[nodiscard]] std::int64_t out_panels() const { return panels(tiles_.out.channels); }

  /// So many tiles that their data are about `floats`, `most` of them at most.
  [[nodiscard]] std::int64_t rows_for(std::int64_t floats, std::int64_t most) const {
    const auto rows = floats / (points_of<Algorithm> * tiles_.in.channels) / unit * unit;
    return std::clamp(rows, unit, std::min(most, whole(tiles_.count())));
  }
  [[nodiscard]] Factors of_filters(std::int64_t which, std::int64_t rows) const {
    return {filters_of<Algorithm>, which, panels(rows) * panel};
  }
  [[nodiscard]] Factors of_inputs(std::int64_t rows) const {
    return {points_of<Algorithm>, panels(tiles_.in.channels), rows};
  }
  [[nodiscard]] Factors of_outputs(std::int64_t rows) const {
    return {points_of<Algorithm>, 1, rows};
  }

  void transform(std::int64_t which, std::int64_t first, std::int64_t last, const Factors& filters,
                 std::int64_t to_panel) const {
    run_wide([&](auto set) __attribute__((always_inline)) {
      transform_filters<decltype(set), Algorithm>(weights_, which, first, last, filters, to_panel);
    });
  }
  void read(std::int64_t first, std::int64_t last, const Factors& data, std::int64_t row) const {
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

  struct Rows {
    const Factors& data;
    std::int64_t first, last;
  };
  /// products[point] = (or, from a later channel than 0 on, +=) channels [channel, end) of the rows
  /// of data[point] times the filters of them that belong to it, in panel `which`; and of some more
  /// rows, which are not read.
  void multiply(const Rows& of, std::int64_t channel, std::int64_t end, const Factors& filters,
                std::int64_t which, const Factors& products) const {
    const auto& data = of.data;
    const auto count = panels(end - channel), tail = end - channel - (count - 1) * panel;
    run_wide([&](auto set) __attribute__((always_inline)) {
      using Set = decltype(set);
      static_assert(unit_of(std::is_same_v<Set, Avx512>) % Set::rows == 0);
      for (int filter = 0; filter < filters_of<Algorithm>; ++filter) {
        const int y = filter / Algorithm::filters, x = filter % Algorithm::filters;
        for (int p = Algorithm::first(y); p < Algorithm::first(y + 1); ++p) {
          for (int q = Algorithm::first(x); q < Algorithm::first(x + 1); ++q) {
            const auto point = p * Algorithm::points + q;
            for (auto row = of.first; row < of.last; row += Set::rows) {
              multiply_panel<Set, Set::rows, panel, 1>(
                  {data.at(point, channel / panel) + row * panel, count, panel, tail,
                   data.rows * panel},
                  filters.at(filter, which), products.at(point, 0) + (row - of.first) * panel,
                  channel > 0);
            }
          }
        }
      }
    });
  }

  Tiles<Algorithm> tiles_;
  const T* x_;
  Weights<T> weights_;
  Added<T> added_;
  T* y_;
};

}  // namespace gradus::kernel
