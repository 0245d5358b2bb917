// expects: policy Free of axis optimizer is evaluated with other weights than it trains; add
// OptimizerAverage.
#include "mini.hpp"

struct Free {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "Free";
  double lr = 0.1;
  static constexpr auto fields() {
    return fields_of(field("lr", &Free::lr, positive(), "learning rate"));
  }
  struct State {
    int steps = 0;
  };
  State start(const std::vector<NamedTensor>&) const;
  void step(State&, const Rates&) const;
  constexpr bool has_momentum() const { return false; }
  std::vector<at::Tensor> averages(const State&) const;
  void save(const State&, StateDict&) const;
  void load(State&, const StateDict&) const;
};

Trainer<Net, Free> trainer;
