// expects: policy Sign of axis optimizer has no `lr`; add `double lr = ...;`.
#include "mini.hpp"

struct Sign {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "Sign";
  static constexpr auto fields() { return no_fields; }
  struct State {
    int steps = 0;
  };
  State start(const std::vector<NamedTensor>&) const;
  void step(State&, const Rates&) const;
  constexpr bool has_momentum() const { return false; }
};

Trainer<Net, Sign> trainer;
