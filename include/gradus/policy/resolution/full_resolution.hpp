/// Images as they are: the neutral resolution policy.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/resolution/concept.hpp>

#include <ATen/core/Tensor.h>

namespace gradus {

/// Images keep their size: the neutral policy of its axis.
struct FullResolution {
  using slot = slot::resolution;
  static constexpr std::string_view name = "FullResolution";
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor resize(const at::Tensor& images, double) const { return images; }
};
static_assert(ResolutionPolicy<FullResolution>);

}  // namespace gradus
