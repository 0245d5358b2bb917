// expects: policy Sign of axis optimizer has no `step`; add `void step(State& state, const
// gradus::Rates& rates) const`.
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
  void stpe(State&, const Rates&) const;
  constexpr bool has_momentum() const { return false; }
};

Trainer<Net, Sign> trainer;
