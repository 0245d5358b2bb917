// expects: policy Sign of axis optimizer has run state but no `save` of the right type; declare
// `void save(const State& state, gradus::StateDict& to) const`.
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
  constexpr bool has_momentum() const { return false; }
  void save(StateDict&) const;
  void load(State&, const StateDict&) const;
};

Trainer<Net, Sign> trainer;
