// expects: policy Quick of axis kernels has no `kernel_scope`; add `auto kernel_scope(const State&
// state) const`.
#include "mini.hpp"
#include <gradus/core/kernel_choice.hpp>
#include <gradus/policy/kernels/concept.hpp>

struct Quick {
  using slot = slot::kernels;
  static constexpr std::string_view name = "Quick";
  static constexpr auto fields() { return no_fields; }
  struct State {};
  State start(c10::Device device) const;
  std::vector<KernelChoice> choices(const State& state) const;
};

Trainer<Net, Quick> trainer;
