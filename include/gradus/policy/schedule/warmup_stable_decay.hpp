/// The rate rises, stays for most of the run, and falls at its end.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/schedule/concept.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <optional>
#include <string_view>

namespace gradus {

/// How the rate falls over the part p of its decay: 1 - sqrt(p), 1 - p, or half a cosine.
enum class DecayCurve { one_minus_root, linear, cosine };

constexpr std::array<std::string_view, 3> enum_names(DecayCurve) {
  return {"one_minus_root", "linear", "cosine"};
}

/// When to use: runs whose length is not known beforehand. Up to the decay the rate does not depend
/// on it: a checkpoint from before it can be trained on for longer, or be ended early by a run of
/// the decay alone (`warmup` 0, `decay` 1).
///
///     rate = lr * (step + 1) / (W + 1)                    W = warmup * total_steps, rounded
///     rate = lr                                           up to the last D = decay * total_steps
///     rate = lr * (floor + (1 - floor) * curve(p))        p = (step - total_steps + D) / D
///
/// D is rounded likewise. Where both are rounded up to more than the run, as 0.5 and 0.5 of 5 steps
/// are, the rise keeps its steps, and the fall begins at p = 1 / D.
///
/// Source: Hu et al. 2024, "MiniCPM", arXiv:2404.06395; the root: Hägele et al. 2024,
/// arXiv:2405.18392, where it did best.
struct WarmupStableDecay {
  using slot = slot::schedule;
  static constexpr std::string_view name = "WarmupStableDecay";

  double warmup = 0.02;
  double decay = 0.2;
  double floor = 0;
  DecayCurve curve = DecayCurve::one_minus_root;

  static constexpr auto fields() {
    return fields_of(
        field("warmup", &WarmupStableDecay::warmup, between(0, 1), "part of the steps that rise"),
        field("decay", &WarmupStableDecay::decay, between(0, 1), "part of the steps that fall"),
        field("floor", &WarmupStableDecay::floor, between(0, 1), "last rate as a part of lr"),
        field("curve", &WarmupStableDecay::curve, "how it falls"));
  }

  [[nodiscard]] constexpr std::string_view mistake() const {
    return warmup + decay > 1 ? "warmup and decay together are more than the whole run" : "";
  }

  [[nodiscard]] Rates at(std::int64_t step, std::int64_t total_steps, double learning_rate) const {
    const auto total = static_cast<double>(total_steps);
    const double rising = std::round(warmup * total), falling = std::round(decay * total);
    const auto now = static_cast<double>(step);
    if (now < rising) return {learning_rate * (now + 1) / (rising + 1), std::nullopt};
    const double part = (now - total + falling) / std::max(falling, 1.0);
    if (part <= 0) return {learning_rate, std::nullopt};
    return {learning_rate * (floor + (1 - floor) * left_at(part)), std::nullopt};
  }

 private:
  [[nodiscard]] double left_at(double part) const {
    switch (curve) {
      case DecayCurve::linear:
        return 1 - part;
      case DecayCurve::cosine:
        return (1 + std::cos(std::numbers::pi * part)) / 2;
      default:
        return 1 - std::sqrt(part);
    }
  }
};
static_assert(PureSchedulePolicy<WarmupStableDecay>);

}  // namespace gradus
