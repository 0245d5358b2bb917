/// Which way each part of each convolution takes: measured once, pinned, or read from a saved run.
#pragma once

#include <gradus/kernel/way.hpp>

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace gradus {

/// What a choice is made for. Batches of nearly the same size share one.
struct ConvolutionCase {
  std::int64_t in_channels, out_channels, height, width;  ///< of the input
  std::int64_t taps, stride, padding;
  std::int64_t images;  ///< the largest power of two that is not above their number
  std::int64_t is_float, channels_last;
  std::int64_t part;  ///< a ConvolutionPart

  friend auto operator<=>(const ConvolutionCase&, const ConvolutionCase&) = default;
};

/// Milliseconds of each way that was tried, not a number for the others, and the one that is taken.
struct ConvolutionChoice {
  ConvolutionWay way;
  std::array<double, enum_names(ConvolutionWay{}).size()> milliseconds;

  static ConvolutionChoice untimed(ConvolutionWay way) {
    ConvolutionChoice choice{way, {}};
    choice.milliseconds.fill(std::numeric_limits<double>::quiet_NaN());
    return choice;
  }
};

/// The choices of one run. What any run of this process has measured, all take. A saved choice of a
/// way that this processor has not is made again.
class ConvolutionChoices : public torch::CustomClassHolder {
 public:
  /// How a case is decided that has no choice yet.
  enum class Rule : std::uint8_t { measure, usual, pinned };

  ConvolutionChoices(Rule rule, ConvolutionWay pinned) : rule_(rule), pinned_(pinned) {}

  /// Returns what `run(way)` gives for the way of this case; the first time it tries all of `ways`.
  template <class Run>
  at::Tensor run(const ConvolutionCase& which, const std::vector<ConvolutionWay>& ways,
                 ConvolutionWay usual, const Run& run) {
    if (const auto way = known(which, ways, usual)) return run(*way);
    const auto choice = measured(ways, run);
    keep(which, choice);
    return run(choice.way);
  }

  /// The way of a case that has one.
  [[nodiscard]] std::optional<ConvolutionWay> find(const ConvolutionCase& which) const {
    const std::lock_guard lock(mutex_);
    const auto found = choices_.find(which);
    return found == choices_.end() ? std::nullopt : std::optional(found->second.way);
  }

  [[nodiscard]] std::map<ConvolutionCase, ConvolutionChoice> all() const {
    const std::lock_guard lock(mutex_);
    return choices_;
  }
  /// Takes those of a saved run in the place of its own.
  void replace(std::map<ConvolutionCase, ConvolutionChoice> choices) {
    const std::lock_guard lock(mutex_);
    choices_ = std::move(choices);
  }

 private:
  struct OfProcess {
    std::mutex mutex;
    std::map<ConvolutionCase, ConvolutionChoice> choices;
  };
  static OfProcess& of_process() {
    static OfProcess process;
    return process;
  }

  std::optional<ConvolutionWay> known(const ConvolutionCase& which,
                                      const std::vector<ConvolutionWay>& ways,
                                      ConvolutionWay usual) {
    const std::lock_guard lock(mutex_);
    const auto has = [&](ConvolutionWay way) { return std::ranges::find(ways, way) != ways.end(); };
    if (const auto found = choices_.find(which); found != choices_.end()) {
      if (has(found->second.way)) return found->second.way;
      choices_.erase(found);
    }
    std::optional<ConvolutionChoice> choice;
    if (rule_ == Rule::pinned) {
      choice = ConvolutionChoice::untimed(has(pinned_) ? pinned_ : ConvolutionWay::library);
    } else if (rule_ == Rule::usual || at::globalContext().deterministicAlgorithms()) {
      choice = ConvolutionChoice::untimed(usual);
    } else {
      auto& process = of_process();
      const std::lock_guard process_lock(process.mutex);
      const auto found = process.choices.find(which);
      if (found == process.choices.end() || !has(found->second.way)) return std::nullopt;
      choice = found->second;
    }
    choices_.emplace(which, *choice);
    return choice->way;
  }

  void keep(const ConvolutionCase& which, const ConvolutionChoice& choice) {
    const std::lock_guard lock(mutex_);
    choices_.emplace(which, choice);
    auto& process = of_process();
    const std::lock_guard process_lock(process.mutex);
    process.choices.insert_or_assign(which, choice);
  }

  /// The best of three rounds in which the ways take turns.
  template <class Run>
  static ConvolutionChoice measured(const std::vector<ConvolutionWay>& ways, const Run& run) {
    using Clock = std::chrono::steady_clock;
    auto choice = ConvolutionChoice::untimed(ways.front());
    if (ways.size() == 1) return choice;
    for (int round = 0; round < 4; ++round) {  // the first warms caches
      for (const auto way : ways) {
        auto& best = choice.milliseconds[static_cast<std::size_t>(way)];
        const auto begin = Clock::now();
        run(way);
        const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
        if (round > 0) best = round == 1 ? took.count() : std::min(best, took.count());
      }
    }
    for (const auto way : ways) {
      const auto time_of = [&](ConvolutionWay of) {
        return choice.milliseconds[static_cast<std::size_t>(of)];
      };
      if (time_of(way) < time_of(choice.way)) choice.way = way;
    }
    return choice;
  }

  mutable std::mutex mutex_;
  Rule rule_;
  ConvolutionWay pinned_;
  std::map<ConvolutionCase, ConvolutionChoice> choices_;
};

}  // namespace gradus
