// expects: policy Half of axis precision has no `State`; add `struct State { ... };`.
#include "mini.hpp"

struct Half {
  using slot = slot::precision;
  static constexpr std::string_view name = "Half";
  static constexpr auto fields() { return no_fields; }
  PrecisionChoice choose(c10::Device) const;
};

Trainer<Net, Half> trainer;
