// expects: policy Half of axis distribution has no `finish_window`; add `void finish_window(State&
// state) const`.
#include "mini.hpp"
#include <gradus/policy/distribution/concept.hpp>

struct Half {
  using slot = slot::distribution;
  static constexpr std::string_view name = "Half";
  static constexpr bool distributes = true;
  static constexpr auto fields() { return no_fields; }
  struct State {
    int joined = 0;
  };
  State start(const std::vector<NamedTensor>& parameters) const;
  Communicator& ranks(const State& state) const;
  void begin_window(State& state) const;
  void begin_last_pass(State& state, double factor) const;
};

Trainer<Net, Half> trainer;
