// expects: policy Tilted of axis layout has no `arrange`; add `at::Tensor arrange(const at::Tensor&
// tensor) const`.
#include "mini.hpp"

struct Tilted {
  using slot = slot::layout;
  static constexpr std::string_view name = "Tilted";
  static constexpr auto fields() { return no_fields; }
};

Trainer<Net, Tilted> trainer;
