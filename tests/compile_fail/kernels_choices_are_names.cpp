// expects: policy Quick of axis kernels has a wrong `choices`; declare it
// `std::vector<gradus::KernelChoice> choices(const State& state) const`.
#include "mini.hpp"
#include <gradus/core/kernel_choice.hpp>
#include <gradus/policy/kernels/concept.hpp>

struct Quick {
  using slot = slot::kernels;
  static constexpr std::string_view name = "Quick";
  static constexpr auto fields() { return no_fields; }
  struct State {};
  struct Scope {};
  State start(c10::Device device) const;
  Scope kernel_scope(const State& state) const;
  std::vector<std::string> choices(const State& state) const;
};

Trainer<Net, Quick> trainer;
