// The control: good policies in any form compile, so that the others fail for their own reason.
#include "mini.hpp"

struct noise {
  static constexpr std::string_view name = "noise";
  static constexpr bool allows_several = true;
};
template <int Number>
struct Hiss {
  using slot = noise;
  static constexpr std::string_view name = "Hiss";
  using hooks = Hooks<At<hook::before_step, Phase::late>, hook::around_forward>;
  double volume = 0.5;
  static constexpr auto fields() {
    return fields_of(field("volume", &Hiss::volume, between(0, 1), "loudness"));
  }
  struct State {
    int steps = 0;
  };
  State start(const std::vector<NamedTensor>&) const;
  void save(const State&, StateDict&) const;
  void load(State&, const StateDict&) const;
  void before_step(State&, const StepContext&) const;
  int around_forward(State&, const StepContext&) const;
};

using Two = Trainer<Net, Preset<OneCycle{.cycle_momentum = false}>, Hiss<1>, Descent, Hiss<2>>;
static_assert(std::is_same_v<Two, Trainer<Net, Hiss<2>, Descent, Hiss<1>,
                                          Preset<OneCycle{.cycle_momentum = false}>>>);
static_assert(!std::is_same_v<Two, Trainer<Net, Descent>>);
Two two;

struct Bell {
  void on(const EpochEnd&);
};
void train(Bell bell, const Squares& squares) {
  fit(squares, bell);
  fit(Squares(), squares, bell);
}
