/// Targets that are classes, int64.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace gradus {

inline constexpr std::int64_t no_class = -100;  ///< PyTorch's ignore_index

/// Calls `visit(k)` for each class of a target, int64. A plain loop: no operator runs for a batch
/// on the CPU. For one on another device it waits.
template <class Visit>
void for_each_class(const at::Tensor& target, Visit&& visit) {
  const auto host = (target.is_cpu() ? target : target.cpu()).contiguous();
  const auto* classes = host.const_data_ptr<std::int64_t>();
  std::for_each(classes, classes + host.numel(), visit);
}

/// A target that is none of the classes, and where it is.
struct WrongClass {
  std::int64_t place = 0;
  std::int64_t label = 0;
};

/// The first class that is not in [0, classes), nor `ignored`. Waits as `for_each_class` does.
inline std::optional<WrongClass> first_wrong_class(
    const at::Tensor& target, std::int64_t classes,
    const std::optional<std::int64_t>& ignored = std::nullopt) {
  std::optional<WrongClass> wrong;
  std::int64_t place = 0;
  for_each_class(target, [&](std::int64_t k) {
    if (!wrong && k != ignored && (k < 0 || k >= classes)) wrong = {place, k};
    ++place;
  });
  return wrong;
}

}  // namespace gradus
