#include "catch.hpp"
#include <gradus/kernel/fastest_way.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

using gradus::ConvolutionWay;
using enum gradus::ConvolutionWay;

namespace {

/// Timings that were written down: of each way one after the other, the last one again and again.
struct Timings {
  std::map<ConvolutionWay, std::vector<double>> of;
  std::map<ConvolutionWay, std::size_t> taken;

  double operator()(ConvolutionWay way) {
    const auto& all = of.at(way);
    return all[std::min(taken[way]++, all.size() - 1)];
  }
};

}  // namespace

CATCH_TEST_CASE("the fastest way is found whatever else the machine does") {
  // The best is disturbed in all but one of the three usual rounds, or in all of them.
  for (const auto& disturbed :
       {std::vector{0.9, 1.4, 0.8, 1.3}, std::vector{1.1, 1.15, 1.1, 1.1, 1.1, 0.8}}) {
    Timings timings{{{library, {1.0}}, {small_tiles, disturbed}, {large_tiles, {1.05}}}, {}};
    const auto choice = gradus::kernel::fastest_way({library, small_tiles, large_tiles},
                                                    [&](auto way) { return timings(way); });
    CATCH_CHECK(choice.way == small_tiles);
    CATCH_CHECK(choice.milliseconds[static_cast<std::size_t>(small_tiles)] == 0.8);
    CATCH_CHECK(std::isnan(choice.milliseconds[static_cast<std::size_t>(product)]));
  }
}

CATCH_TEST_CASE("LibTorch's way stays unless another is clearly faster") {
  for (const auto& [other, expected] : {std::pair{0.98, library}, std::pair{0.95, small_tiles}}) {
    const auto choice = gradus::kernel::fastest_way(
        {library, small_tiles, large_tiles}, [&, time = other](auto way) {
          return way == library ? 1 : way == small_tiles ? time : 0.99;
        });
    CATCH_CHECK(choice.way == expected);
  }
}

CATCH_TEST_CASE("only ways that are close are timed often, and only while it costs little") {
  const auto often = [](double scale) {
    Timings timings{{{library, {3 * scale}},
                     {small_tiles, {1 * scale}},
                     {large_tiles, {1.1 * scale}},
                     {huge_tiles, {1.5 * scale}}},
                    {}};
    const auto choice = gradus::kernel::fastest_way({library, small_tiles, large_tiles, huge_tiles},
                                                    [&](auto way) { return timings(way); });
    CATCH_CHECK(choice.way == small_tiles);
    const auto& taken = timings.taken;
    return std::vector{taken.at(library), taken.at(small_tiles), taken.at(large_tiles),
                       taken.at(huge_tiles)};
  };
  CATCH_CHECK(often(0.1) == std::vector<std::size_t>{1, 13, 13, 4});
  CATCH_CHECK(often(100) == std::vector<std::size_t>{1, 4, 4, 4});
}

CATCH_TEST_CASE("one way alone is not timed") {
  int timed = 0;
  const auto choice = gradus::kernel::fastest_way({library}, [&](auto) { return ++timed; });
  CATCH_CHECK(choice.way == library);
  CATCH_CHECK(timed == 0);
  CATCH_CHECK(std::isnan(choice.milliseconds[0]));
}
