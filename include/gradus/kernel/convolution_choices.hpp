/// Which way each part of each convolution takes: measured once, pinned, or read from a saved run.
#pragma once

#include <gradus/device/keep_memory.hpp>
#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/fastest_way.hpp>
#include <gradus/kernel/way.hpp>

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace gradus {

namespace kernel {

/// The parts of a convolution in a given way, from kernel/convolution.hpp.
struct ConvolutionParts {
  at::Tensor (*forward)(ConvolutionWay, const ConvolutionShape&, const at::Tensor& x,
                        const at::Tensor& weight, const at::Tensor& bias);
  at::Tensor (*input_gradient)(ConvolutionWay, const ConvolutionShape&, const at::Tensor& dy,
                               const at::Tensor& x, const at::Tensor& weight,
                               const at::Tensor& added);
  at::Tensor (*weight_gradient)(ConvolutionWay, const ConvolutionShape&, const at::Tensor& dy,
                                const at::Tensor& x, const at::Tensor& weight);
};

}  // namespace kernel

/// What a choice is made for. Batches of nearly the same size share one.
struct ConvolutionCase {
  std::int64_t in_channels, out_channels, height, width;  ///< of the input
  std::int64_t taps, stride, padding;
  std::int64_t images;  ///< the largest power of two that is not above their number
  std::int64_t is_float, channels_last;
  std::int64_t part;  ///< a ConvolutionPart

  friend auto operator<=>(const ConvolutionCase&, const ConvolutionCase&) = default;

  [[nodiscard]] double pixels() const {
    return static_cast<double>(images) * static_cast<double>(height) * static_cast<double>(width);
  }
  /// Whether they differ in the size of images and batches alone.
  [[nodiscard]] bool is_of_layer(ConvolutionCase other) const {
    other.height = height;
    other.width = width;
    other.images = images;
    return *this == other;
  }
};

/// The choices of one run. What any run of this process has measured, all take. A saved choice of a
/// way that this processor has not is made again.
class ConvolutionChoices : public torch::CustomClassHolder {
 public:
  /// How a case is decided that has no choice yet.
  enum class Rule : std::uint8_t { measure, usual, pinned };

  ConvolutionChoices(const kernel::ConvolutionParts& parts, Rule rule, ConvolutionWay pinned)
      : parts_(parts), rule_(rule), pinned_(pinned) {}

  [[nodiscard]] const kernel::ConvolutionParts& parts() const { return parts_; }

  /// Returns what `run(way)` gives for the way of this case; the first time it tries all of `ways`,
  /// unless `sizes` other sizes of the same layer were measured: then the nearest one's is taken.
  /// Memory that was freed, by whomever, then goes back to the system.
  template <class Run>
  at::Tensor run(const ConvolutionCase& which, const std::vector<ConvolutionWay>& ways,
                 ConvolutionWay usual, const Run& run) {
    if (const auto way = known(which, ways, usual)) return run(*way);
    return run(kept(which, measured(ways, run)));
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
  static constexpr std::size_t sizes = 8;

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
    const auto choice = without_measuring(which, usual, has);
    if (!choice) return std::nullopt;
    return choices_.emplace(which, *choice).first->second.way;
  }

  template <class Has>
  std::optional<ConvolutionChoice> without_measuring(const ConvolutionCase& which,
                                                     ConvolutionWay usual, const Has& has) const {
    if (rule_ == Rule::pinned) {
      return ConvolutionChoice::untimed(has(pinned_) ? pinned_ : ConvolutionWay::library);
    }
    if (rule_ == Rule::usual || at::globalContext().deterministicAlgorithms()) {
      return ConvolutionChoice::untimed(usual);
    }
    auto& process = of_process();
    const std::lock_guard lock(process.mutex);
    const auto found = process.choices.find(which);
    if (found != process.choices.end() && has(found->second.way)) return found->second;
    return nearest(process.choices, which, has);
  }

  /// Of many measured sizes of one layer the way of that which is nearest in pixels.
  template <class Has>
  static std::optional<ConvolutionChoice> nearest(
      const std::map<ConvolutionCase, ConvolutionChoice>& measured, const ConvolutionCase& which,
      const Has& has) {
    std::size_t count = 0;
    double least = std::numeric_limits<double>::infinity();
    std::optional<ConvolutionChoice> choice;
    for (const auto& [other, of_other] : measured) {
      if (!other.is_of_layer(which)) continue;
      ++count;
      if (!has(of_other.way)) continue;
      const double distance = std::abs(std::log(other.pixels() / which.pixels()));
      if (distance >= least) continue;
      least = distance;
      choice = ConvolutionChoice::untimed(of_other.way);
    }
    return count < sizes ? std::nullopt : choice;
  }

  /// Keeps a choice, unless another thread was first. Returns the way that is kept.
  ConvolutionWay kept(const ConvolutionCase& which, const ConvolutionChoice& choice) {
    const std::lock_guard lock(mutex_);
    auto& process = of_process();
    const std::lock_guard process_lock(process.mutex);
    const auto first = process.choices.emplace(which, choice).first->second;
    return choices_.emplace(which, first).first->second.way;
  }

  template <class Run>
  static ConvolutionChoice measured(const std::vector<ConvolutionWay>& ways, const Run& run) {
    const auto choice = kernel::fastest_way(ways, [&](ConvolutionWay way) {
      const auto begin = std::chrono::steady_clock::now();
      run(way);
      return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
          .count();
    });
    if (ways.size() > 1) return_freed_memory();  // each left pieces of other sizes
    return choice;
  }

  mutable std::mutex mutex_;
  kernel::ConvolutionParts parts_;
  Rule rule_;
  ConvolutionWay pinned_;
  std::map<ConvolutionCase, ConvolutionChoice> choices_;
};

}  // namespace gradus
