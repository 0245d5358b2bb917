/// Which of several ways is the fastest, by timings on a machine that does other work too.
#pragma once

#include <gradus/kernel/way.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace gradus {

/// Milliseconds of each way that was tried, not a number for the others, and the one that is taken.
struct ConvolutionChoice {
  ConvolutionWay way;
  std::array<double, enum_names(ConvolutionWay{}).size()> milliseconds;

  static ConvolutionChoice untimed(ConvolutionWay way) {
    ConvolutionChoice choice{way, {}};
    choice.milliseconds.fill(std::numeric_limits<double>::quiet_NaN());
    return choice;
  }
  [[nodiscard]] double& time_of(ConvolutionWay of) {
    return milliseconds[static_cast<std::size_t>(of)];
  }
};

namespace kernel {

/// The fastest of `ways` by `timed(way)`, in milliseconds; the first one, LibTorch's, unless
/// another is faster by a thirtieth. What counts of a way is the least of its times, over
/// rounds in which ways are interleaved: three, and more while several are close and it costs
/// little. One way alone is not timed.
template <class Timed>
ConvolutionChoice fastest_way(const std::vector<ConvolutionWay>& ways, const Timed& timed) {
  constexpr int usual_rounds = 3, most_rounds = 12;
  constexpr double little = 30;  // milliseconds
  constexpr double hopeless = 2, close = 1.2, clearly = 29. / 30;
  auto choice = ConvolutionChoice::untimed(ways.front());
  if (ways.size() == 1) return choice;
  double spent = 0;
  const auto time = [&](ConvolutionWay way) {
    const double took = timed(way);
    spent += took;
    choice.time_of(way) = std::fmin(choice.time_of(way), took);  // a number before not a number
  };
  for (const auto way : ways) time(way);  // warms caches
  const auto fastest = [&] {
    return *std::ranges::min_element(ways, {}, [&](auto way) { return choice.time_of(way); });
  };
  for (int round = 1; round <= most_rounds; ++round) {
    const bool extra = round > usual_rounds;
    const double limit = (extra ? close : hopeless) * choice.time_of(fastest());
    const auto in_question = [&](auto way) { return choice.time_of(way) <= limit; };
    if (extra && (spent > little || std::ranges::count_if(ways, in_question) < 2)) break;
    for (const auto way : ways) {
      if (in_question(way)) time(way);
    }
  }
  if (const auto best = fastest(); choice.time_of(best) < clearly * choice.time_of(ways.front())) {
    choice.way = best;
  }
  return choice;
}

}  // namespace kernel
}  // namespace gradus
