#include "catch.hpp"
#include <gradus/device/device.hpp>
#include <gradus/kernel/bfloat16_pass.hpp>
#include <gradus/kernel/bfloat16_weight_gradient.hpp>
#include <gradus/kernel/convolution.hpp>
#include <gradus/kernel/convolution_choices.hpp>
#include <gradus/kernel/micro_kernel.hpp>
#include <gradus/kernel/pairs.hpp>
#include <gradus/kernel/way.hpp>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace {

using gradus::ConvolutionPart;
using gradus::kernel::ConvolutionShape;
using gradus::kernel::InstructionSet;
using gradus::kernel::InstructionSetLimit;
using gradus::kernel::LibraryMicroKernel;
using gradus::kernel::Pair;
using gradus::kernel::ReferenceMicroKernel;

std::string named(const ConvolutionShape& shape) {
  return c10::str(shape.in.count, " images of ", shape.in.height, " x ", shape.in.width, ", ",
                  shape.in.channels, " to ", shape.out_channels, " channels, taps ", shape.taps,
                  ", stride ", shape.stride, ", padding ", shape.padding);
}

/// What a convolution is of, channels side by side, and what its parts give.
struct Tensors {
  at::Tensor x, weight, bias, dy;
};
using Parts = std::array<at::Tensor, 3>;

at::Tensor numbers(at::IntArrayRef sizes) {
  return at::randn(sizes).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
}

Tensors tensors_of(const ConvolutionShape& shape) {
  const auto out = shape.out();
  return {numbers({shape.in.count, shape.in.channels, shape.in.height, shape.in.width}),
          numbers({shape.out_channels, shape.in.channels, shape.taps, shape.taps}),
          at::randn({shape.out_channels}).to(at::kBFloat16),
          numbers({out.count, out.channels, out.height, out.width})};
}

template <class Kernel>
Parts by_blocks(const ConvolutionShape& shape, const Tensors& of) {
  return {gradus::kernel::convolve_by_blocks<Kernel>(shape, of.x, of.weight, of.bias),
          gradus::kernel::input_gradient_by_blocks<Kernel>(shape, of.dy, of.weight),
          gradus::kernel::weight_gradient_by_blocks<Kernel>(shape, of.dy, of.x)};
}

/// By LibTorch, in a type of numbers.
Parts by_library(const ConvolutionShape& shape, const Tensors& of, at::ScalarType type) {
  const std::vector<std::int64_t> stride(2, shape.stride), padding(2, shape.padding), ones(2, 1),
      zeros(2, 0);
  const auto x = of.x.to(type), weight = of.weight.to(type);
  const auto y =
      at::convolution(x, weight, of.bias.to(type), stride, padding, ones, false, zeros, 1);
  auto [dx, dw, db] =
      at::convolution_backward(of.dy.to(type), x, weight, std::nullopt, stride, padding, ones,
                               false, zeros, 1, std::array{true, true, false});
  return {y, dx, dw};
}

double distance(const at::Tensor& from, const at::Tensor& to) {
  return (from.to(at::kDouble) - to.to(at::kDouble)).norm().item<double>();
}

bool equal_bits(const Parts& one, const Parts& other) {
  return std::ranges::equal(
      one, other, [](const at::Tensor& a, const at::Tensor& b) { return at::equal(a, b); });
}

constexpr std::array parts_of_step{ConvolutionPart::forward, ConvolutionPart::input_gradient,
                                   ConvolutionPart::weight_gradient};
constexpr std::array part_names{"output", "gradient of the input", "gradient of the weights"};

/// Errors of `parts` against float64 are those of one rounding, and of LibTorch's bfloat16.
void check_parts(const ConvolutionShape& shape, const Tensors& of, const Parts& parts) {
  const auto exact = by_library(shape, of, at::kDouble);
  const auto library = by_library(shape, of, at::kBFloat16);
  for (std::size_t part = 0; part < parts.size(); ++part) {
    CATCH_INFO(named(shape) << ", " << part_names[part]);
    CATCH_REQUIRE(parts[part].sizes() == exact[part].sizes());
    const auto error = distance(parts[part], exact[part]);
    const auto least = 1e-6 * exact[part].norm().item<double>();
    CATCH_CHECK(error <= 1.1 * distance(exact[part].to(at::kBFloat16), exact[part]) + least);
    const auto of_library = distance(library[part], exact[part]);
    if (std::isnan(of_library)) {  // a fault of LibTorch that FastConvolutions passes by
      CATCH_CHECK(gradus::kernel::reads_stale_memory(shape, at::kBFloat16, parts_of_step[part]));
      continue;
    }
    CATCH_CHECK(error <= 1.1 * of_library + least);
  }
}

ConvolutionShape random_shape(std::mt19937& random) {
  const auto from = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random);
  };
  constexpr std::array<std::int64_t, 6> all_taps{1, 2, 3, 3, 3, 5};
  for (;;) {
    const auto widest = from(0, 3) == 0 ? 140 : 20;
    const ConvolutionShape shape{{from(1, 6), from(1, 17), from(1, 17), from(1, widest)},
                                 from(1, widest),
                                 all_taps[static_cast<std::size_t>(from(0, 5))],
                                 from(1, 3),
                                 from(0, 3)};
    if (std::min(shape.in.height, shape.in.width) + 2 * shape.padding >= shape.taps) return shape;
  }
}

/// Shapes that are cut in each of the ways there are: slices of many pixels, panels of many
/// channels, rows longer than a product is, images side by side, one pixel.
const std::vector<ConvolutionShape> cut_shapes{
    {{3, 64, 64, 5}, 6, 3, 1, 1},    {{130, 8, 8, 20}, 17, 3, 1, 1}, {{9, 60, 62, 3}, 8, 3, 2, 1},
    {{70, 12, 12, 7}, 9, 1, 1, 0},   {{9, 4, 4, 150}, 300, 3, 1, 1}, {{2, 3, 700, 4}, 5, 3, 1, 1},
    {{1, 2, 1300, 2}, 3, 3, 2, 1},   {{67, 2, 2, 33}, 65, 3, 1, 1},  {{1, 1, 1, 1}, 1, 1, 1, 0},
    {{1, 1, 1, 1}, 1, 3, 1, 1},      {{33, 1, 1, 40}, 10, 1, 2, 0},  {{2, 9, 9, 3}, 16, 7, 2, 3},
    {{2, 28, 28, 16}, 16, 3, 1, 1},  {{5, 7, 7, 65}, 129, 3, 1, 1},  {{2, 5, 6, 8}, 8, 1, 3, 2},
    {{1, 100, 90, 16}, 32, 3, 1, 1}, {{1, 3, 3, 4}, 4, 3, 1, 4},
};

}  // namespace

// Any width of vectors compiles for any processor, so that these need not have them.
CATCH_TEMPLATE_TEST_CASE("pairs are transposed and interleaved, and sums rounded, by any vectors",
                         "", gradus::kernel::Portable, gradus::kernel::Avx2,
                         gradus::kernel::Avx512) {
  torch::manual_seed(7);
  for (const auto& [rows, columns] : {std::pair{16, 16}, {1, 1}, {37, 45}, {5, 64}, {48, 3}}) {
    const auto from = at::randint(std::numeric_limits<int>::max(), {rows, columns}, at::kInt);
    const auto wide = gradus::kernel::rounded_up(rows, 16);
    const auto to = at::full({columns, wide}, -1, at::kInt);
    gradus::kernel::transpose_pairs<TestType>(
        {static_cast<const Pair*>(from.const_data_ptr()), rows, columns, columns},
        static_cast<Pair*>(to.mutable_data_ptr()), wide);
    CATCH_CHECK(at::equal(to.narrow(1, 0, rows), from.t()));
    CATCH_CHECK(
        at::equal(to.narrow(1, rows, wide - rows), at::zeros({columns, wide - rows}, at::kInt)));
  }
  for (const std::int64_t count : {1, 7, 16, 45}) {
    const auto low = at::randint(-999, 999, {count}, at::kShort);
    const auto high = at::randint(-999, 999, {count}, at::kShort);
    const auto to = at::empty({count, 2}, at::kShort);
    gradus::kernel::interleave<TestType>(static_cast<const std::uint16_t*>(low.const_data_ptr()),
                                         static_cast<const std::uint16_t*>(high.const_data_ptr()),
                                         count, static_cast<Pair*>(to.mutable_data_ptr()));
    CATCH_CHECK(at::equal(to, at::stack({low, high}, 1)));

    const auto sums = at::randn({count}), added = at::randn({count});
    sums[0] = std::numeric_limits<float>::quiet_NaN();
    sums[count - 1] = -std::numeric_limits<float>::infinity();
    const auto rounded = at::empty({count}, at::kBFloat16);
    gradus::kernel::add_and_round<TestType>(sums.const_data_ptr<float>(),
                                            added.const_data_ptr<float>(), count,
                                            rounded.mutable_data_ptr<c10::BFloat16>());
    CATCH_CHECK(at::allclose(rounded, (sums + added).to(at::kBFloat16), 0, 0, /*equal_nan=*/true));
  }
}

CATCH_TEST_CASE("500 random convolutions by blocks have no larger errors than LibTorch's") {
  torch::manual_seed(0);
  std::mt19937 random(0);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in each run
  for (int i = 0; i < 500; ++i) {
    const auto shape = random_shape(random);
    const auto of = tensors_of(shape);
    check_parts(shape, of, by_blocks<ReferenceMicroKernel>(shape, of));
  }
}

CATCH_TEST_CASE("convolutions by blocks are right however they are cut") {
  torch::manual_seed(1);
  for (const auto& shape : cut_shapes) {
    const auto of = tensors_of(shape);
    check_parts(shape, of, by_blocks<ReferenceMicroKernel>(shape, of));
  }
}

CATCH_TEST_CASE("a convolution by blocks gives equal bits on 1, 2 and 3 threads, by any vectors") {
  torch::manual_seed(2);
  const auto threads = at::get_num_threads();
  for (const auto& shape : cut_shapes) {
    CATCH_INFO(named(shape));
    const auto of = tensors_of(shape);
    at::set_num_threads(1);
    const auto expected = by_blocks<ReferenceMicroKernel>(shape, of);
    for (const int count : {2, 3}) {
      at::set_num_threads(count);
      CATCH_CHECK(equal_bits(by_blocks<ReferenceMicroKernel>(shape, of), expected));
    }
    for (const auto set : {InstructionSet::portable, InstructionSet::avx2}) {
      const InstructionSetLimit limit(set);
      CATCH_CHECK(equal_bits(by_blocks<ReferenceMicroKernel>(shape, of), expected));
    }
  }
  at::set_num_threads(threads);
}

CATCH_TEST_CASE("what memory held before does not count in convolutions by blocks") {
  torch::manual_seed(5);
  auto& context = at::globalContext();
  const bool before = context.deterministicAlgorithms();
  for (const auto& shape : cut_shapes) {
    CATCH_INFO(named(shape));
    const auto of = tensors_of(shape);
    const auto expected = by_blocks<ReferenceMicroKernel>(shape, of);
    context.setDeterministicAlgorithms(true, /*warn_only=*/true);  // at::empty gives NaN
    const auto parts = by_blocks<ReferenceMicroKernel>(shape, of);
    context.setDeterministicAlgorithms(before, /*warn_only=*/false);
    CATCH_CHECK(equal_bits(parts, expected));
  }
}

CATCH_TEST_CASE("what memory held before does not count in LibTorch's way of convolutions") {
  torch::manual_seed(8);
  const auto leave_nan = [] {
    std::vector<at::Tensor> held;
    for (std::int64_t count = 64; count <= 1 << 18; count *= 4) {
      for (int i = 0; i < 3; ++i) held.push_back(at::full({count}, NAN));
    }
  };
  for (const auto& shape : std::vector<ConvolutionShape>{{{3, 12, 3, 4}, 4, 3, 2, 0},
                                                         {{3, 12, 1, 20}, 20, 5, 2, 2},
                                                         {{3, 12, 2, 20}, 20, 2, 2, 0},
                                                         {{6, 12, 2, 20}, 20, 5, 2, 2},
                                                         {{3, 8, 2, 4}, 4, 2, 3, 1},
                                                         {{2, 14, 3, 8}, 10, 5, 3, 2}}) {
    const auto of = tensors_of(shape);
    const auto exact = by_library(shape, of, at::kDouble);
    const auto way = gradus::ConvolutionWay::library;
    const auto check = [&](const at::Tensor& part, std::size_t which) {
      CATCH_INFO(named(shape) << ", " << part_names[which]);
      CATCH_CHECK(distance(part, exact[which]) <= 0.01 * exact[which].norm().item<double>());
    };
    leave_nan();
    check(gradus::kernel::convolve(way, shape, of.x, of.weight, of.bias), 0);
    leave_nan();
    check(gradus::kernel::input_gradient(way, shape, of.dy, of.x, of.weight), 1);
    leave_nan();
    check(gradus::kernel::weight_gradient(way, shape, of.dy, of.x, of.weight), 2);

    const auto dy = of.dy.detach().clone().set_requires_grad(true);
    const auto dx = std::get<0>(
        gradus::kernel::library_gradients(shape, dy, of.x, of.weight, {true, false, false}));
    leave_nan();
    const auto again = torch::autograd::grad({dx.sum()}, {dy})[0];
    CATCH_CHECK(again.isfinite().all().item<bool>());
  }
}

CATCH_TEST_CASE("what is no number stays where float64 has it in convolutions by blocks") {
  torch::manual_seed(3);
  for (const ConvolutionShape& shape :
       {ConvolutionShape{{3, 6, 7, 5}, 9, 3, 1, 1}, ConvolutionShape{{3, 7, 8, 18}, 33, 3, 2, 1},
        ConvolutionShape{{2, 5, 5, 4}, 4, 1, 2, 0}}) {
    for (const auto value :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      const auto of = tensors_of(shape);
      of.x[1][1][2][2].fill_(value);
      of.dy[1][2][1][1].fill_(value);
      const auto parts = by_blocks<ReferenceMicroKernel>(shape, of);
      const auto exact = by_library(shape, of, at::kDouble);
      for (std::size_t part = 0; part < parts.size(); ++part) {
        CATCH_INFO(named(shape) << ", " << part_names[part] << ", " << value);
        CATCH_CHECK(at::equal(parts[part].isfinite(), exact[part].isfinite()));
      }
    }
  }
}

CATCH_TEST_CASE(
    "a block product is LibTorch's, which any processor computes without interleaved rows") {
  torch::manual_seed(6);
  for (const auto& of : {gradus::kernel::BlockProduct{5, 16, 12, 20, 24, 32, false},
                         gradus::kernel::BlockProduct{33, 48, 64, 64, 48, 48, true},
                         gradus::kernel::BlockProduct{1, 1, 2, 2, 1, 1, true}}) {
    const auto a = at::randn({of.m, of.lda}).to(at::kBFloat16);
    const auto pairs = at::randn({of.k / 2, of.ldb, 2}).to(at::kBFloat16);
    const auto b = pairs.transpose(1, 2).reshape({of.k, of.ldb}).contiguous();
    const auto expected = at::randn({of.m, of.ldc}), c = expected.clone();
    at::native::cpublas::brgemm(
        of.m, of.n, of.k, of.lda, of.ldb, of.ldc, of.adds, a.const_data_ptr<c10::BFloat16>(),
        b.const_data_ptr<c10::BFloat16>(), expected.mutable_data_ptr<float>(), /*is_vnni=*/false);
    ReferenceMicroKernel::multiply(of, a.const_data_ptr<c10::BFloat16>(),
                                   pairs.const_data_ptr<c10::BFloat16>(),
                                   c.mutable_data_ptr<float>());
    CATCH_CHECK(at::allclose(c, expected, 1e-5, 1e-5));
  }
}

CATCH_TEST_CASE("LibTorch's micro-kernel does what the reference does") {
  if (!LibraryMicroKernel::available()) {
    CATCH_WARN("skipped: this processor does not multiply bfloat16 (AMX or AVX512-BF16)");
    return;
  }
  torch::manual_seed(4);
  std::mt19937 random(4);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same in each run
  auto shapes = cut_shapes;
  for (int i = 0; i < 100; ++i) shapes.push_back(random_shape(random));
  for (const auto& shape : shapes) {
    const auto of = tensors_of(shape);
    const auto parts = by_blocks<LibraryMicroKernel>(shape, of);
    check_parts(shape, of, parts);
    const auto expected = by_blocks<ReferenceMicroKernel>(shape, of);
    for (std::size_t part = 0; part < parts.size(); ++part) {
      CATCH_INFO(named(shape) << ", " << part_names[part]);
      // Sums in another order: some are rounded to the neighbouring bfloat16.
      CATCH_CHECK(distance(parts[part], expected[part]) <=
                  1e-3 * expected[part].to(at::kDouble).norm().item<double>() + 1e-6);
    }
  }
}

CATCH_TEST_CASE(
    "blocks are a way of bfloat16 where the processor has it, usual for weights where by tiles") {
  using enum gradus::ConvolutionWay;
  using gradus::ConvolutionPart;
  const ConvolutionShape shape{{8, 32, 32, 64}, 64, 3, 1, 1};
  const auto has_blocks = [&](at::ScalarType type) {
    return std::ranges::count(gradus::kernel::ways_for(shape, type), blocks) == 1;
  };
  CATCH_CHECK(has_blocks(at::kBFloat16) == LibraryMicroKernel::available());
  CATCH_CHECK_FALSE(has_blocks(at::kFloat));
  const auto usual = [&](at::ScalarType type, ConvolutionPart part) {
    return gradus::kernel::usual_way(shape, type, part, gradus::kernel::ways_for(shape, type));
  };
  const bool by_tiles = gradus::has_bfloat16_tiles();
  const auto product_of_blocks = LibraryMicroKernel::available() ? blocks : library;
  CATCH_CHECK(usual(at::kBFloat16, ConvolutionPart::weight_gradient) ==
              (by_tiles ? product_of_blocks : huge_tiles));
  CATCH_CHECK(usual(at::kBFloat16, ConvolutionPart::forward) == (by_tiles ? library : huge_tiles));
  CATCH_CHECK(usual(at::kFloat, ConvolutionPart::weight_gradient) == large_tiles);
}

CATCH_TEST_CASE("a saved choice that this processor cannot take is made again") {
  using enum gradus::ConvolutionWay;
  using gradus::ConvolutionChoice;
  using gradus::ConvolutionChoices;
  const gradus::ConvolutionCase which{};
  const std::vector ways{library, product};
  for (const auto rule : {ConvolutionChoices::Rule::usual, ConvolutionChoices::Rule::pinned}) {
    const auto choices = gradus::convolution_choices(rule, product);
    choices->replace({{which, ConvolutionChoice::untimed(blocks)}});
    std::vector<gradus::ConvolutionWay> taken;
    choices->run(which, ways, product, [&](gradus::ConvolutionWay way) {
      taken.push_back(way);
      return at::Tensor();
    });
    CATCH_CHECK((taken == std::vector{product}));
    CATCH_CHECK((choices->find(which) == product));
  }
}
