/// OneCycle: the rate rises to a peak and falls far below where it began, momentum does the
/// opposite.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/schedule/concept.hpp>

#include <array>
#include <cmath>
#include <numbers>
#include <string_view>

namespace gradus {

/// The curve between two rates of a schedule.
enum class Anneal { cosine, linear };

constexpr std::array<std::string_view, 2> enum_names(Anneal) { return {"cosine", "linear"}; }

/// When to use: few epochs, a rate as high as training bears. The optimizer's own rate is not used.
///
/// Equals torch.optim.lr_scheduler.OneCycleLR at every step, to 1e-12 relative.
/// Source: Smith and Topin 2018, "Super-Convergence"; defaults of PyTorch.
struct OneCycle {
  using slot = slot::schedule;
  static constexpr std::string_view name = "OneCycle";

  double max_lr = 0.01;
  double pct_start = 0.3;
  double div_factor = 25;
  double final_div_factor = 1e4;
  Anneal anneal = Anneal::cosine;
  bool three_phase = false;
  bool cycle_momentum = true;
  double base_momentum = 0.85;
  double max_momentum = 0.95;

  static constexpr auto fields() {
    return fields_of(
        field("max_lr", &OneCycle::max_lr, positive_float(), "peak learning rate"),
        field("pct_start", &OneCycle::pct_start, between(0, 1), "part of the steps that rise"),
        field("div_factor", &OneCycle::div_factor, positive(), "peak over first rate"),
        field("final_div_factor", &OneCycle::final_div_factor, positive(), "first over last rate"),
        field("anneal", &OneCycle::anneal, "curve of the phases"),
        field("three_phase", &OneCycle::three_phase,
              "fall back to the first rate as fast as it rose, then to the last"),
        field("cycle_momentum", &OneCycle::cycle_momentum, "momentum opposite to the rate"),
        field("base_momentum", &OneCycle::base_momentum, fraction(), "momentum at the peak"),
        field("max_momentum", &OneCycle::max_momentum, fraction(), "momentum at both ends"));
  }

  [[nodiscard]] constexpr bool cycles_momentum() const { return cycle_momentum; }

  [[nodiscard]] Rates at(std::int64_t step, std::int64_t total_steps, double) const {
    const auto total = static_cast<double>(total_steps);
    const double at = static_cast<double>(step);
    const double first = max_lr / div_factor;
    const double last = first / final_div_factor;
    const double peak = pct_start * total - 1;
    if (at <= peak) {
      return between_rates(first, max_lr, max_momentum, base_momentum, at, 0, peak);
    }
    if (!three_phase) {
      return between_rates(max_lr, last, base_momentum, max_momentum, at, peak, total - 1);
    }
    const double trough = 2 * pct_start * total - 2;
    if (at <= trough) {
      return between_rates(max_lr, first, base_momentum, max_momentum, at, peak, trough);
    }
    return between_rates(first, last, max_momentum, max_momentum, at, trough, total - 1);
  }

 private:
  [[nodiscard]] double blend(double from, double to, double part) const {
    if (anneal == Anneal::linear) return (to - from) * part + from;
    return to + (from - to) / 2 * (std::cos(std::numbers::pi * part) + 1);
  }

  [[nodiscard]] Rates between_rates(double from, double to, double momentum_from,
                                    double momentum_to, double step, double begin,
                                    double end) const {
    const double part = end > begin ? (step - begin) / (end - begin) : 1;
    Rates rates{blend(from, to, part), std::nullopt};
    if (cycle_momentum) rates.momentum = blend(momentum_from, momentum_to, part);
    return rates;
  }
};
static_assert(SchedulePolicy<OneCycle>);

}  // namespace gradus
