/// What each policy of a configuration contributes: the configuration with one policy less, for
/// each.
#pragma once

#include "configuration.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace cifar10 {

struct LeftOut {
  std::string axis;
  std::string policy;
  const Configuration* configuration;  ///< without it
};

/// In canonical order of axes; empty for a configuration of neutral policies. Throws
/// gradus::UsageError if there is no configuration of that name.
[[nodiscard]] const std::vector<LeftOut>& leave_one_out(std::string_view name);

}  // namespace cifar10
