// expects: policy Sign of axis optimizer has no `State`; add `struct State { ... };`.
#include "mini.hpp"

struct Sign {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "Sign";
  double lr = 0.1;
  static constexpr auto fields() { return no_fields; }
  constexpr bool has_momentum() const { return false; }
};

Trainer<Net, Sign> trainer;
