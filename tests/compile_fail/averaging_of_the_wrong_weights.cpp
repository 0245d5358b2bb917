// expects: policy Mean of axis averaging averages the weights that Free of axis optimizer trains,
// but those are no weights to evaluate; replace it by OptimizerAverage.
#include "mini.hpp"
#include <gradus/policy/averaging/concept.hpp>

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

struct Mean {
  using slot = slot::averaging;
  static constexpr std::string_view name = "Mean";
  static constexpr bool averages_weights = true;
  static constexpr auto fields() { return no_fields; }
  struct State {
    int count = 0;
  };
  State start(const std::vector<NamedTensor>&) const;
  void update(State&, const StepContext&) const;
  const std::vector<at::Tensor>& averages(const State&) const;
  std::int64_t statistics_batches() const;
  void save(const State&, StateDict&) const;
  void load(State&, const StateDict&) const;
};

Trainer<Net, Free, Mean> trainer;
