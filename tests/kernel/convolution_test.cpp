// Each way of each part of a convolution against float64, over random shapes and corners.
#include "../catch.hpp"
#include "problem.hpp"
#include <gradus/kernel/way.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace gradus;
using namespace test;
using kernel::InstructionSetLimit;

namespace {

/// Bounds of `error_of` in float32: about three times the largest of 2,000 shapes, which are 2.7e-6
/// for large tiles, 6.3e-7 for small ones and 7.2e-7 for LibTorch (Zen 3 with AVX2, LibTorch 2.11).
double bound_of(ConvolutionWay way) { return way == ConvolutionWay::large_tiles ? 1e-5 : 2e-6; }

/// The ways that can compute `shape`, whether they pay or not.
std::vector<ConvolutionWay> own_ways(const ConvolutionShape& shape) {
  std::vector ways{ConvolutionWay::library, ConvolutionWay::product};
  if (kernel::fits_tiles(shape)) {
    ways.push_back(ConvolutionWay::small_tiles);
    if (shape.taps == 3) ways.push_back(ConvolutionWay::large_tiles);
  }
  return ways;
}

/// Every way and part of a problem, with each instruction set.
void check(const Problem& problem) {
  const Threads one(1);
  const auto exact = problem.exact();
  for (const auto set : instruction_sets()) {
    const InstructionSetLimit limit(set);
    for (const auto way : own_ways(problem.shape)) {
      if (way == ConvolutionWay::library && set != instruction_sets().front()) continue;
      for (const auto part : all_parts) {
        const auto which = static_cast<std::size_t>(part);
        const auto result = problem.by(way, part);
        const auto error = error_of(result, exact[which]);
        if (result.sizes() == exact[which].sizes() && error < bound_of(way)) continue;
        CATCH_INFO(problem.shape << (problem.bias.defined() ? ", bias" : ""));
        CATCH_INFO("instruction set " << static_cast<int>(set) << ", " << way << ", " << part);
        CATCH_REQUIRE(result.sizes() == exact[which].sizes());
        CATCH_CHECK(error < bound_of(way));
      }
    }
  }
}

/// Not finite, of each number.
at::Tensor lost(const at::Tensor& tensor) { return tensor.isfinite().logical_not(); }
bool contains(const at::Tensor& all, const at::Tensor& some) {
  return some.logical_and(all.logical_not()).any().item<bool>() == false;
}

/// Outputs of the tiles of `side` x `side` that see pixel (row, column), [H, W].
at::Tensor outputs_near(const ConvolutionShape& shape, std::int64_t side, std::int64_t row,
                        std::int64_t column) {
  const auto out = shape.out();
  auto near = torch::zeros({out.height, out.width}, at::kBool);
  const auto sees = [&](std::int64_t first, std::int64_t place) {
    const auto begin = first * shape.stride - shape.padding;
    return begin <= place && place < begin + (side - 1) * shape.stride + shape.taps;
  };
  for (std::int64_t y = 0; y < out.height; y += side) {
    for (std::int64_t x = 0; x < out.width; x += side) {
      if (!sees(y, row) || !sees(x, column)) continue;
      near.slice(0, y, std::min(y + side, out.height))
          .slice(1, x, std::min(x + side, out.width))
          .fill_(true);
    }
  }
  return near;
}

const std::vector tile_ways{ConvolutionWay::small_tiles, ConvolutionWay::large_tiles};

}  // namespace

CATCH_TEST_CASE("every way of every part is near float64, over random shapes") {
  torch::manual_seed(0);
  Shapes shapes(1);
  for (int i = 0; i < 520; ++i)
    check(Problem::drawn(shapes.next({1, 3, 3, 3}, {1, 2}), i % 2 == 0));
}

CATCH_TEST_CASE("products are near float64 for filters and strides of any size") {
  torch::manual_seed(1);
  Shapes shapes(2);
  for (int i = 0; i < 100; ++i) {
    check(Problem::drawn(shapes.next({2, 5, 7}, {1, 2, 3}), i % 2 == 0));
    check(Problem::drawn(shapes.next({1, 3}, {3}), i % 2 == 0));
  }
}

CATCH_TEST_CASE("products in bfloat16 are as near to float64 as LibTorch's convolution is") {
  // By parts: the mean over shapes of own error over LibTorch's, 0.8, 1.2 and 0.8 (Zen 3, LibTorch
  // 2.11). A gradient of the input sums what was rounded to bfloat16 for each tap, and is rounded
  // again, where LibTorch's is rounded once: sqrt(2) is to be expected under many taps.
  const Threads one_thread(1);
  torch::manual_seed(2);
  Shapes shapes(3);
  constexpr int count = 500;
  std::array<double, 3> sums{};
  for (int i = 0; i < count; ++i) {
    const auto problem =
        Problem::drawn(shapes.next({1, 2, 3, 5, 7}, {1, 2, 3}), i % 2 == 0, at::kBFloat16);
    const auto exact = problem.exact();
    for (const auto part : all_parts) {
      const auto which = static_cast<std::size_t>(part);
      const auto own = problem.by(ConvolutionWay::product, part);
      const auto theirs = problem.by(ConvolutionWay::library, part);
      CATCH_REQUIRE(own.scalar_type() == at::kBFloat16);
      CATCH_REQUIRE(own.sizes() == exact[which].sizes());
      const double error = error_of(own, exact[which]);
      CATCH_INFO(problem.shape << ", " << part);
      CATCH_CHECK(error < 1.0 / 128);  // the spacing of bfloat16 above 1
      sums[which] += error / std::max(error_of(theirs, exact[which]), 1e-4);
    }
  }
  for (const double sum : sums) {
    CATCH_INFO("mean ratio " << sum / count);
    CATCH_CHECK(sum / count < 1.5);
  }
}

CATCH_TEST_CASE(
    "500 random convolutions by tiles in bfloat16 have no larger errors than LibTorch's") {
  // All sums are in float32, where errors are below 1e-4: rounding the result to bfloat16 leaves
  // 1.7e-3.
  const Threads one_thread(1);
  torch::manual_seed(7);
  Shapes shapes(4);
  for (int i = 0; i < 500; ++i) {
    const auto problem = Problem::drawn(shapes.next({3}, {1}), i % 2 == 0, at::kBFloat16);
    const auto exact = problem.exact();
    const auto sets = instruction_sets();
    const InstructionSetLimit limit(sets[static_cast<std::size_t>(i) % sets.size()]);
    for (const auto way : {ConvolutionWay::large_tiles, ConvolutionWay::huge_tiles}) {
      for (const auto part : all_parts) {
        const auto which = static_cast<std::size_t>(part);
        const auto own = problem.by(way, part);
        CATCH_INFO(problem.shape << ", " << way << ", " << part);
        CATCH_REQUIRE(own.scalar_type() == at::kBFloat16);
        CATCH_REQUIRE(own.sizes() == exact[which].sizes());
        const auto rounded = error_of(exact[which].to(at::kBFloat16), exact[which]);
        const auto theirs = error_of(problem.by(ConvolutionWay::library, part), exact[which]);
        CATCH_CHECK(error_of(own, exact[which]) <= 1.02 * std::max(rounded, theirs) + 1e-4);
      }
    }
  }
}

CATCH_TEST_CASE(
    "tiles in bfloat16 give equal bits on any number of threads, and add what is given") {
  torch::manual_seed(8);
  for (const ConvolutionShape& shape : {ConvolutionShape{{3, 41, 43, 3}, 5, 3, 1, 1},
                                        ConvolutionShape{{300, 5, 6, 96}, 96, 3, 1, 1},
                                        ConvolutionShape{{70, 9, 8, 200}, 150, 3, 1, 1}}) {
    const auto problem = Problem::drawn(shape, true, at::kBFloat16);
    const auto exact = problem.exact();
    const auto added = torch::randn_like(problem.x);
    for (const auto way : {ConvolutionWay::large_tiles, ConvolutionWay::huge_tiles}) {
      for (const auto part : all_parts) {
        CATCH_INFO(shape << ", " << way << ", " << part);
        const auto one = [&] {
          const Threads of(1);
          return problem.by(way, part);
        }();
        CATCH_CHECK(error_of(one, exact[static_cast<std::size_t>(part)]) < 2e-3);
        for (const int some : {2, 3}) {
          const Threads of(some);
          CATCH_CHECK(problem.by(way, part).equal(one));
        }
      }
      const auto sum =
          kernel::input_gradient(way, shape, problem.dy, problem.x, problem.weight, added);
      CATCH_CHECK(error_of(sum, exact[1] + added.to(at::kDouble)) < 2e-3);
    }
  }
}

CATCH_TEST_CASE(
    "weights of maps narrower than a stride have gradients whatever memory held before") {
  const Threads one_thread(1);
  torch::manual_seed(10);
  for (const auto& [width, taps, stride] :
       {std::tuple{1, 3, 2}, std::tuple{2, 3, 3}, std::tuple{2, 2, 3}, std::tuple{1, 5, 2}}) {
    const auto problem =
        Problem::drawn({{2, 9, width, 16}, 17, taps, stride, taps / 2}, false, at::kBFloat16);
    const auto exact = problem.exact()[2];
    for (int round = 0; round < 3; ++round) {
      std::vector<at::Tensor> filled;
      for (std::int64_t size = 64; size < 1 << 20; size *= 2) {
        for (int i = 0; i < 4; ++i) filled.push_back(torch::full({size}, NAN, at::kBFloat16));
      }
      filled.clear();
      const auto dw = problem.by(ConvolutionWay::library, ConvolutionPart::weight_gradient);
      CATCH_INFO(problem.shape);
      CATCH_CHECK(dw.scalar_type() == at::kBFloat16);
      CATCH_CHECK(error_of(dw, exact) < 4e-3);
    }
  }
}

CATCH_TEST_CASE("corners of tiles: few channels, one image, tiny and long maps") {
  torch::manual_seed(3);
  for (const std::int64_t stride : {1, 2}) {
    for (const std::int64_t padding : {0, 1, 2}) {
      const auto of = [&](std::int64_t count, std::int64_t height, std::int64_t width,
                          std::int64_t in, std::int64_t out) {
        return ConvolutionShape{{count, height, width, in}, out, 3, stride, padding};
      };
      for (const auto& shape :
           {of(1, 3, 3, 1, 1), of(1, 5, 5, 1, 17), of(2, 6, 6, 17, 1), of(1, 4, 4, 17, 17),
            of(3, 3, 4, 16, 16), of(2, 3, 30, 5, 6), of(2, 31, 3, 6, 5), of(1, 9, 9, 64, 65)}) {
        check(Problem::drawn(shape, padding != 1));
      }
      if (padding > 0) check(Problem::drawn(of(4, 1, 1, 8, 8), true));
    }
    for (const auto& in : {kernel::Images{1, 1, 1, 1}, kernel::Images{1, 1, 1, 17},
                           kernel::Images{2, 7, 4, 17}, kernel::Images{3, 6, 6, 16}}) {
      check(Problem::drawn({in, 17, 1, stride, 0}, true));
      check(Problem::drawn({in, 1, 1, stride, 0}, false));
    }
  }
}

CATCH_TEST_CASE("many tiles, with few filters and with many, whatever the number of threads") {
  torch::manual_seed(4);
  struct Case {
    const char* what;
    ConvolutionShape shape;
  };
  for (const auto& [what, shape] :
       {Case{"blocks of tiles, slices of weights", {{3, 41, 43, 3}, 5, 3, 1, 1}},
        Case{"several blocks a slice", {{800, 3, 3, 64}, 64, 3, 1, 1}},
        Case{"several blocks, several slices", {{300, 3, 3, 96}, 96, 3, 1, 1}},
        Case{"the same with stride 2", {{100, 7, 5, 104}, 97, 3, 2, 1}},
        Case{"one tap, stride 2", {{5, 17, 16, 40}, 33, 1, 2, 0}},
        Case{"one tap", {{2, 14, 13, 520}, 530, 1, 1, 0}},
        Case{"panels for large tiles alone", {{70, 5, 5, 260}, 250, 3, 1, 1}},
        Case{"panels for small tiles as well", {{2, 2, 2, 368}, 369, 3, 1, 1}},
        Case{"panels, the same with stride 2", {{3, 7, 5, 368}, 370, 3, 2, 1}},
        Case{"panels for one tap", {{1, 3, 3, 1460}, 1456, 1, 1, 0}},
        Case{"few panels, each in parts", {{30, 8, 8, 3700}, 20, 3, 1, 1}}}) {
    CATCH_INFO(what << ": " << shape);
    const auto problem = Problem::drawn(shape, true);
    const auto exact = problem.exact();
    for (const auto way : tile_ways) {
      if (shape.taps == 1 && way == ConvolutionWay::large_tiles) continue;
      for (const auto part : all_parts) {
        CATCH_INFO(way << ", " << part);
        const auto one = [&] {
          const Threads of(1);
          return problem.by(way, part);
        }();
        CATCH_CHECK(error_of(one, exact[static_cast<std::size_t>(part)]) < bound_of(way));
        for (const int some : {2, 3}) {
          const Threads of(some);
          CATCH_CHECK(problem.by(way, part).equal(one));
        }
      }
    }
  }
}

CATCH_TEST_CASE("more threads than panels, which share a panel's filters, change no bit") {
  torch::manual_seed(9);
  const auto problem = Problem::drawn({{40, 8, 8, 120}, 500, 3, 1, 1}, true);
  const auto forward = [&](int threads) {
    const Threads of(threads);
    return problem.by(ConvolutionWay::large_tiles, ConvolutionPart::forward);
  };
  const auto one = forward(1);
  CATCH_CHECK(error_of(one, problem.exact()[0]) < bound_of(ConvolutionWay::large_tiles));
  CATCH_CHECK(forward(20).equal(one));
}

CATCH_TEST_CASE("a number that is not finite is lost in the tiles that see it, and in no other") {
  // Fast filtering subtracts pixels of a tile from each other, so what LibTorch makes NaN or
  // infinite is NaN, and so may be other outputs of the same tile and of the same filter.
  torch::manual_seed(5);
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const std::int64_t stride : {1, 2}) {
      const ConvolutionShape shape{{2, 19, 18, 17}, 18, 3, stride, 1};
      for (const auto& [row, column] : {std::pair{8, 9}, std::pair{0, 0}, std::pair{18, 17}}) {
        auto problem = Problem::drawn(shape, true);
        problem.x[1][16][row][column] = bad;
        const auto of_library = lost(problem.by(ConvolutionWay::library, ConvolutionPart::forward));
        for (const auto way : tile_ways) {
          CATCH_INFO("stride " << stride << ", at " << row << ", " << column << ", " << way);
          const auto own = lost(problem.by(way, ConvolutionPart::forward));
          CATCH_CHECK(contains(own, of_library));
          CATCH_CHECK_FALSE(own[0].any().item<bool>());
          const auto side = way == ConvolutionWay::large_tiles ? 4 : 2;
          CATCH_CHECK(contains(outputs_near(shape, side, row, column).expand_as(own[1]), own[1]));
          // Of weights' gradients, those of the channel are lost.
          const auto weights = lost(problem.by(way, ConvolutionPart::weight_gradient));
          const auto of_weights =
              lost(problem.by(ConvolutionWay::library, ConvolutionPart::weight_gradient));
          CATCH_CHECK(contains(weights, of_weights));
          CATCH_CHECK_FALSE(weights.slice(1, 0, 16).any().item<bool>());
        }
      }
    }
  }
}

CATCH_TEST_CASE("filters and gradients that are not finite are lost where they matter alone") {
  torch::manual_seed(6);
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::int64_t stride : {1, 2}) {
    const ConvolutionShape shape{{2, 13, 12, 5}, 18, 3, stride, 1};
    auto problem = Problem::drawn(shape, true);
    problem.weight[17][2][1][1] = nan;
    auto other = Problem::drawn(shape, true);
    other.dy[1][17][2][3] = nan;
    for (const auto way : tile_ways) {
      CATCH_INFO("stride " << stride << ", " << way);
      const auto y = lost(problem.by(way, ConvolutionPart::forward));
      CATCH_CHECK(y.select(1, 17).all().item<bool>());
      CATCH_CHECK_FALSE(y.slice(1, 0, 17).any().item<bool>());
      const auto dx = lost(problem.by(way, ConvolutionPart::input_gradient));
      CATCH_CHECK(
          contains(dx, lost(problem.by(ConvolutionWay::library, ConvolutionPart::input_gradient))));
      CATCH_CHECK_FALSE(dx.slice(1, 0, 2).any().item<bool>());
      CATCH_CHECK_FALSE(dx.slice(1, 3).any().item<bool>());

      const auto of_input = lost(other.by(way, ConvolutionPart::input_gradient));
      CATCH_CHECK(contains(
          of_input, lost(other.by(ConvolutionWay::library, ConvolutionPart::input_gradient))));
      CATCH_CHECK_FALSE(of_input[0].any().item<bool>());
      CATCH_CHECK_FALSE(of_input.slice(2, 11).any().item<bool>());  // out of any tile's reach
      const auto dw = lost(other.by(way, ConvolutionPart::weight_gradient));
      CATCH_CHECK(dw[17].all().item<bool>());
      CATCH_CHECK_FALSE(dw.slice(0, 0, 17).any().item<bool>());
    }
  }
}

CATCH_TEST_CASE("a limit of instruction sets narrows, never widens, and ends") {
  const auto widest = kernel::instruction_set();
  {
    const InstructionSetLimit narrow(InstructionSet::portable);
    CATCH_CHECK(kernel::instruction_set() == InstructionSet::portable);
    const InstructionSetLimit wide(InstructionSet::avx512);
    CATCH_CHECK(kernel::instruction_set() == InstructionSet::portable);
  }
  CATCH_CHECK(kernel::instruction_set() == widest);
}

CATCH_TEST_CASE("ways are those that a shape and a type allow, LibTorch's first") {
  using enum ConvolutionWay;
  using Ways = std::vector<ConvolutionWay>;
  const auto ways = [](std::int64_t side, std::int64_t taps, std::int64_t stride,
                       std::int64_t padding, at::ScalarType type = at::kFloat) {
    return kernel::ways_for({{2, side, side, 16}, 16, taps, stride, padding}, type);
  };
  CATCH_CHECK(ways(32, 3, 1, 1) == Ways{library, small_tiles, large_tiles});
  CATCH_CHECK(ways(8, 3, 1, 1) == Ways{library, product, small_tiles, large_tiles});
  CATCH_CHECK(ways(2, 3, 1, 1) == Ways{library, product, small_tiles});
  CATCH_CHECK(ways(32, 1, 2, 0) == Ways{library, product, small_tiles});
  CATCH_CHECK(ways(32, 1, 1, 1) == Ways{library});
  CATCH_CHECK(ways(32, 3, 1, 3) == Ways{library});
  CATCH_CHECK(ways(32, 3, 3, 1) == Ways{library});
  CATCH_CHECK(ways(32, 5, 1, 2) == Ways{library});
  CATCH_CHECK(ways(8, 5, 1, 2) == Ways{library, product});
  const auto in_bfloat16 = [&](std::int64_t side, std::int64_t stride, Ways expected) {
    if (kernel::LibraryMicroKernel::available()) expected.push_back(blocks);
    CATCH_CHECK(ways(side, 3, stride, 1, at::kBFloat16) == expected);
  };
  in_bfloat16(2, 1, {library, product});
  in_bfloat16(4, 1, {library, product, large_tiles});
  in_bfloat16(8, 1, {library, product, large_tiles, huge_tiles});
  in_bfloat16(32, 1, {library, large_tiles, huge_tiles});
  in_bfloat16(32, 2, {library});
}
