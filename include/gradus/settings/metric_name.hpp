/// The name of a metric as a number of a policy: "loss", "accuracy", "f1_macro".
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace gradus {

/// A field of a policy that monitors: "loss" is the held-out loss, or the training loss where there
/// is no held-out set; "accuracy" is the held-out one; any other is the label of a metric. At most
/// 47 letters; more are a compile error.
struct MetricName {
  std::array<char, 48> text{"loss"};

  static constexpr std::string_view takes = "the name of a metric, one word such as 'loss'";

  constexpr MetricName() = default;
  constexpr MetricName(std::string_view name) : text{} {  // NOLINT: a text is a name
    for (std::size_t i = 0; i < name.size(); ++i) text.at(i) = name[i];
    text.at(name.size()) = '\0';
  }
  constexpr MetricName(const char* name) : MetricName(std::string_view(name)) {}  // NOLINT
  constexpr operator std::string_view() const { return {text.data()}; }           // NOLINT

  friend constexpr bool operator==(const MetricName&, const MetricName&) = default;
};

}  // namespace gradus
