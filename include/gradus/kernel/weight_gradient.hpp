/// The gradient of a convolution's filters by a fast algorithm in float32, over tensors of float32
/// or bfloat16.
#pragma once

#include <gradus/kernel/filters.hpp>
#include <gradus/kernel/for_chunks.hpp>
#include <gradus/kernel/instruction_set.hpp>
#include <gradus/kernel/panel_product.hpp>
#include <gradus/kernel/tiles.hpp>
#include <gradus/kernel/transforms.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gradus::kernel {

/// dw [O, taps, taps, C] from x and the gradients dy of outputs.
///
/// Sums over a block's tiles are transformed back at once and added: no accumulator is larger than
/// the weights, and the last block rounds. What is added in which order depends on the shape alone,
/// not on threads.
template <class Algorithm, class T>
class WeightGradient {
 public:
  WeightGradient(const Tiles<Algorithm>& tiles, const T* x, const T* dy, T* dw)
      : tiles_(tiles), x_(x), dy_(dy), dw_(dw) {}

  void run() const {
    if (weights() <= few_weights) {
      by_slices();
    } else {
      by_blocks();
    }
  }

 private:
  static constexpr std::int64_t few_weights = 64 * 64 * 9, group = 4;

  /// Each slice of tiles sums to a copy of dw.
  void by_slices() const {
    const auto count = tiles_.count();
    const auto rows = rows_for(128 * 1024, 192);
    const auto blocks = (count + rows - 1) / rows;
    const auto slices = std::min(
        blocks, std::clamp(16 * few_weights / weights(), std::int64_t{16}, std::int64_t{64}));
    std::vector<float> parts(static_cast<std::size_t>(slices * weights()));
    for_chunks(slices, [&](std::int64_t from, std::int64_t to) {
      const auto data = of_inputs(rows), gradients = of_outputs(rows), sums = of_sums();
      for (auto slice = from; slice < to; ++slice) {
        float* dw = parts.data() + slice * weights();
        const auto begin = slice * blocks / slices * rows;
        const auto end = std::min(count, (slice + 1) * blocks / slices * rows);
        for (auto first = begin; first < end; first += rows) {
          const auto last = std::min(end, first + rows);
          read(first, last, data, gradients, 0);
          for (std::int64_t task = 0; task < tasks(); ++task) {
            add(task, data, gradients, last - first, sums, first > begin ? dw : nullptr, dw);
          }
        }
      }
    });
    for (std::int64_t slice = 1; slice < slices; ++slice) {
      const float* part = parts.data() + slice * weights();
      for (std::int64_t i = 0; i < weights(); ++i) parts[static_cast<std::size_t>(i)] += part[i];
    }
    for (std::int64_t i = 0; i < weights(); ++i) {
      kernel::store(dw_[i], parts[static_cast<std::size_t>(i)]);
    }
  }

  /// All threads share a block of tiles.
  void by_blocks() const {
    const auto count = tiles_.count();
    const auto most = rows_for(16 * 1024 * 1024, rows_of_a_panel<Algorithm>);
    const auto blocks = (count + most - 1) / most;
    const auto rows = (count + blocks - 1) / blocks;
    const auto data = of_inputs(rows), gradients = of_outputs(rows);
    std::vector<float> before(static_cast<std::size_t>(rows < count ? weights() : 0));
    for (std::int64_t first = 0; first < count; first += rows) {
      const auto length = std::min(count - first, rows);
      const float* others = first > 0 ? before.data() : nullptr;
      for_chunks(length, [&](std::int64_t from, std::int64_t to) {
        read(first + from, first + to, data, gradients, from);
      });
      for_chunks(tasks(), [&](std::int64_t from, std::int64_t to) {
        const auto sums = of_sums();
        for (auto task = from; task < to; ++task) {
          if (first + rows < count) {
            add(task, data, gradients, length, sums, others, before.data());
          } else {
            add(task, data, gradients, length, sums, others, dw_);
          }
        }
      });
    }
  }

  [[nodiscard]] std::int64_t weights() const {
    return tiles_.out.channels * Algorithm::taps * Algorithm::taps * tiles_.in.channels;
  }
  [[nodiscard]] std::int64_t out_groups() const {
    return (panels(tiles_.out.channels) + group - 1) / group;
  }
  /// A task is a panel of input channels and a group of panels of output channels.
  [[nodiscard]] std::int64_t tasks() const { return panels(tiles_.in.channels) * out_groups(); }

  /// So many tiles that their data and gradients are about `floats`, `most` of them at most.
  [[nodiscard]] std::int64_t rows_for(std::int64_t floats, std::int64_t most) const {
    const auto channels = tiles_.in.channels + tiles_.out.channels;
    const auto rows = floats / (points_of<Algorithm> * channels);
    return std::min(std::clamp(rows, std::int64_t{48}, most), tiles_.count());
  }
  [[nodiscard]] Factors of_inputs(std::int64_t rows) const {
    return {points_of<Algorithm>, panels(tiles_.in.channels), rows};
  }
  [[nodiscard]] Factors of_outputs(std::int64_t rows) const {
    return {points_of<Algorithm>, panels(tiles_.out.channels), rows};
  }
  [[nodiscard]] static Factors of_sums() { return {filters_of<Algorithm>, 1, group * panel}; }

  void read(std::int64_t first, std::int64_t last, const Factors& data, const Factors& gradients,
            std::int64_t row) const {
    run_wide([&](auto set) __attribute__((always_inline)) {
      transform_inputs<decltype(set)>(tiles_, x_, first, last, row, data);
      transform_gradients<decltype(set)>(tiles_, dy_, first, last, row, gradients);
    });
  }

  /// Writes to `dw` what `length` rows say of the weights of `task`, plus `before`.
  template <class To>
  void add(std::int64_t task, const Factors& data, const Factors& gradients, std::int64_t length,
           const Factors& sums, const float* before, To* dw) const {
    const auto column = task / out_groups();
    const auto first = task % out_groups() * group;
    const auto outs = std::min(group * panel, tiles_.out.channels - first * panel);
    run_wide([&](auto set) __attribute__((always_inline)) {
      using Set = decltype(set);
      for (int filter = 0; filter < filters_of<Algorithm>; ++filter) {
        multiply<Set>(filter, data, column, gradients, first, panels(outs), length, sums);
      }
      write_filter_gradients<Set, Algorithm>(
          sums, {tiles_.in.channels, first * panel, outs, column}, before, dw);
    });
  }

  /// sums[filter] = the gradients' panels [first, first + count), transposed, times panel `column`
  /// of the data, over `length` rows and all points of the filter.
  template <class Set>
  [[gnu::always_inline]] static void multiply(int filter, const Factors& data, std::int64_t column,
                                              const Factors& gradients, std::int64_t first,
                                              std::int64_t count, std::int64_t length,
                                              const Factors& sums) {
    const int y = filter / Algorithm::filters, x = filter % Algorithm::filters;
    bool adds = false;
    for (int p = Algorithm::first(y); p < Algorithm::first(y + 1); ++p) {
      for (int q = Algorithm::first(x); q < Algorithm::first(x + 1); ++q, adds = true) {
        const auto point = p * Algorithm::points + q;
        for (std::int64_t which = 0; which < count; ++which) {
          multiply_square<Set, 1, panel>({gradients.at(point, first + which), 1, length, length, 0},
                                         data.at(point, column),
                                         sums.at(filter, 0) + which * panel * panel, adds);
        }
      }
    }
  }

  Tiles<Algorithm> tiles_;
  const T* x_;
  const T* dy_;
  T* dw_;
};

}  // namespace gradus::kernel
