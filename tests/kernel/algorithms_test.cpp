// Fast filtering in one dimension, in float64: each algorithm is exact, and gradients are
// transposes.
#include "catch.hpp"
#include <gradus/kernel/algorithms.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

using namespace gradus::kernel;

namespace {

using Numbers = std::vector<double>;

/// Rounding of a few dozen sums of numbers near 1; constants such as 1/6 are float32 in the
/// algorithms, 3e-8 off.
constexpr double tolerance = 1e-6;

std::mt19937& generator() {
  static std::mt19937 generator(3);
  return generator;
}

Numbers draw(int count) {
  std::uniform_real_distribution<double> uniform(-1, 1);
  Numbers numbers(static_cast<std::size_t>(count));
  for (auto& number : numbers) number = uniform(generator());
  return numbers;
}

double dot(const Numbers& one, const Numbers& other) {
  double sum = 0;
  for (std::size_t i = 0; i < one.size(); ++i) sum += one[i] * other[i];
  return sum;
}

double distance(const Numbers& one, const Numbers& other) {
  double most = one.size() == other.size() ? 0 : 1;
  for (std::size_t i = 0; most < 1 && i < one.size(); ++i) {
    most = std::max(most, std::abs(one[i] - other[i]));
  }
  return most;
}

Numbers transformed(int count, void (*transform)(const double*, double*), const Numbers& from) {
  Numbers to(static_cast<std::size_t>(count), 9.0);
  transform(from.data(), to.data());
  return to;
}

/// The filter of each product.
template <class A>
Numbers spread(const Numbers& filters) {
  Numbers of_points(A::points);
  for (int filter = 0; filter < A::filters; ++filter) {
    for (int p = A::first(filter); p < A::first(filter + 1); ++p) {
      of_points[static_cast<std::size_t>(p)] = filters[static_cast<std::size_t>(filter)];
    }
  }
  return of_points;
}

/// What a tile makes of `filter` and `data`.
template <class A>
Numbers tile(const Numbers& filter, const Numbers& data) {
  auto products = transformed(A::points, A::template input<double>, data);
  const auto filters = spread<A>(transformed(A::filters, A::template filter<double>, filter));
  for (std::size_t i = 0; i < products.size(); ++i) products[i] *= filters[i];
  return transformed(A::outputs, A::template output<double>, products);
}

/// The same, tap by tap.
Numbers directly(int outputs, int stride, const Numbers& filter, const Numbers& data) {
  Numbers y(static_cast<std::size_t>(outputs));
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t tap = 0; tap < filter.size(); ++tap) {
      y[i] += filter[tap] * data[i * static_cast<std::size_t>(stride) + tap];
    }
  }
  return y;
}

/// Gradients of the inputs of a stride, output by output: input `first + i` is in place i.
Numbers gradients_of_inputs(int inputs, int first, int stride, const Numbers& filter,
                            const Numbers& dy) {
  Numbers dx(static_cast<std::size_t>(inputs));
  for (int i = 0; i < inputs; ++i) {
    for (int output = 0; output < static_cast<int>(dy.size()); ++output) {
      const int tap = first + i - output * stride;
      if (tap < 0 || tap >= static_cast<int>(filter.size())) continue;
      dx[static_cast<std::size_t>(i)] +=
          filter[static_cast<std::size_t>(tap)] * dy[static_cast<std::size_t>(output)];
    }
  }
  return dx;
}

template <class A>
Numbers filter_gradient(const Numbers& dy, const Numbers& data) {
  const auto of_outputs = transformed(A::points, A::template gradient<double>, dy);
  const auto of_data = transformed(A::points, A::template input<double>, data);
  Numbers sums(A::filters);
  for (int filter = 0; filter < A::filters; ++filter) {
    for (int p = A::first(filter); p < A::first(filter + 1); ++p) {
      const auto point = static_cast<std::size_t>(p);
      sums[static_cast<std::size_t>(filter)] += of_outputs[point] * of_data[point];
    }
  }
  return transformed(A::taps, A::template filter_gradient<double>, sums);
}

}  // namespace

CATCH_TEMPLATE_TEST_CASE("outputs of a tile are those of the filter, tap by tap", "", Stride1<2>,
                         Stride1<4>, Stride1<8>, Stride2<2>, Stride2<4>, Pointwise<1>,
                         Pointwise<2>) {
  using A = TestType;
  constexpr int stride = A::step / A::outputs;
  static_assert(A::window == (A::outputs - 1) * stride + A::taps);
  static_assert(A::first(0) == 0 && A::first(A::filters) == A::points);
  for (int round = 0; round < 50; ++round) {
    const auto filter = draw(A::taps), data = draw(A::window);
    CATCH_CHECK(distance(tile<A>(filter, data), directly(A::outputs, stride, filter, data)) <
                tolerance);
  }
}

CATCH_TEMPLATE_TEST_CASE("the transpose of a stride gives the gradients of inputs", "", Stride2<2>,
                         Stride2<4>, Pointwise<1>, Pointwise<2>) {
  using A = typename TestType::Transpose;
  constexpr int stride = TestType::step / TestType::outputs;
  // With 3 taps the first output of a tile is under the middle tap of the window's first gradient.
  constexpr int first = A::taps == 3 ? 1 : 0;
  for (int round = 0; round < 50; ++round) {
    const auto filter = draw(A::taps), dy = draw(A::window);
    auto turned = filter;
    std::ranges::reverse(turned);
    CATCH_CHECK(distance(tile<A>(turned, dy),
                         gradients_of_inputs(A::outputs, first, stride, filter, dy)) < tolerance);
  }
}

CATCH_TEMPLATE_TEST_CASE("with stride 1 the turned filter gives the gradients of inputs", "",
                         Stride1<2>, Stride1<4>, Stride1<8>) {
  using A = TestType;
  static_assert(std::is_same_v<typename A::Transpose, A>);
  const auto filter = draw(A::taps), dy = draw(A::window);
  auto turned = filter;
  std::ranges::reverse(turned);
  CATCH_CHECK(distance(tile<A>(turned, dy),
                       gradients_of_inputs(A::outputs, A::taps - 1, 1, filter, dy)) < tolerance);
}

CATCH_TEMPLATE_TEST_CASE("gradients of a tile's filter are those of the definition", "", Stride1<2>,
                         Stride1<4>, Stride1<8>, Stride2<2>, Stride2<4>, Pointwise<1>,
                         Pointwise<2>) {
  using A = TestType;
  constexpr int stride = A::step / A::outputs;
  for (int round = 0; round < 50; ++round) {
    const auto dy = draw(A::outputs), data = draw(A::window);
    Numbers expected(A::taps);
    for (int tap = 0; tap < A::taps; ++tap) {
      for (int i = 0; i < A::outputs; ++i) {
        expected[static_cast<std::size_t>(tap)] +=
            dy[static_cast<std::size_t>(i)] * data[static_cast<std::size_t>(i * stride + tap)];
      }
    }
    CATCH_CHECK(distance(filter_gradient<A>(dy, data), expected) < 4 * tolerance);
  }
}

CATCH_TEMPLATE_TEST_CASE("`gradient` is the transpose of `output`, and so are those of filters", "",
                         Stride1<2>, Stride1<4>, Stride2<2>, Stride2<4>, Pointwise<1>,
                         Pointwise<2>) {
  using A = TestType;
  for (int round = 0; round < 50; ++round) {
    const auto products = draw(A::points), dy = draw(A::outputs);
    const double there = dot(dy, transformed(A::outputs, A::template output<double>, products));
    const double back = dot(transformed(A::points, A::template gradient<double>, dy), products);
    CATCH_CHECK(std::abs(there - back) < tolerance);
    const auto filter = draw(A::taps), du = draw(A::filters);
    const double forth = dot(du, transformed(A::filters, A::template filter<double>, filter));
    const double again = dot(transformed(A::taps, A::template filter_gradient<double>, du), filter);
    CATCH_CHECK(std::abs(forth - again) < tolerance);
  }
}
