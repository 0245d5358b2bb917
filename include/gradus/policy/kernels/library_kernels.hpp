/// LibTorch's own operators: the neutral kernels policy. Start one of your own from this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/kernel_choice.hpp>
#include <gradus/policy/kernels/concept.hpp>

#include <c10/core/Device.h>

#include <vector>

namespace gradus {

/// LibTorch computes every operator: the neutral policy of its axis.
struct LibraryKernels {
  using slot = slot::kernels;
  static constexpr std::string_view name = "LibraryKernels";
  static constexpr auto fields() { return no_fields; }

  struct State {};
  struct Scope {};

  [[nodiscard]] State start(c10::Device) const { return {}; }
  [[nodiscard]] Scope kernel_scope(const State&) const { return {}; }
  [[nodiscard]] std::vector<KernelChoice> choices(const State&) const { return {}; }
};
static_assert(KernelsPolicy<LibraryKernels>);

}  // namespace gradus
