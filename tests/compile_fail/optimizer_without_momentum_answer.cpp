// expects: policy Sign of axis optimizer has no `has_momentum`; add `constexpr bool has_momentum()
// const`.
#include "mini.hpp"

struct Sign {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "Sign";
  double lr = 0.1;
  static constexpr auto fields() { return no_fields; }
  struct State {
    int steps = 0;
  };
  State start(const std::vector<NamedTensor>&) const;
  void step(State&, const Rates&) const;
};

Trainer<Net, Sign> trainer;
