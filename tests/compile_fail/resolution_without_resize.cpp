// expects: policy Lens of axis resolution has no `resize`; add `at::Tensor resize(const at::Tensor&
// images, double part) const`.
#include "mini.hpp"

struct Lens {
  using slot = slot::resolution;
  static constexpr std::string_view name = "Lens";
  static constexpr auto fields() { return no_fields; }
};

Trainer<Net, Lens> trainer;
