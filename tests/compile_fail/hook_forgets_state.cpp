// expects: policy Hiss of axis noise has a wrong `after_step`; declare it `void after_step(State&
// state, const gradus::StepContext& context) const`.
#include "mini.hpp"

struct noise {
  static constexpr std::string_view name = "noise";
};
struct Hiss {
  using slot = noise;
  static constexpr std::string_view name = "Hiss";
  static constexpr auto fields() { return no_fields; }
  using hooks = Hooks<hook::after_step>;
  struct State {
    int steps = 0;
  };
  State start(const std::vector<NamedTensor>&) const;
  void save(const State&, StateDict&) const;
  void load(State&, const StateDict&) const;
  void after_step(const StepContext&) const;
};

Trainer<Net, Hiss> trainer;
