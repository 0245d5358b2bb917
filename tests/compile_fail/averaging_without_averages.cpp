// expects: policy Mean of axis averaging has no `averages`; add `const std::vector<at::Tensor>&
// averages(const State& state) const`.
#include "mini.hpp"
#include <gradus/policy/averaging/concept.hpp>

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
  void save(const State&, StateDict&) const;
  void load(State&, const StateDict&) const;
};

Trainer<Net, Mean> trainer;
