// expects: policy Patience of axis stopping has a wrong `stop`; declare it `bool stop(State& state,
// const gradus::EpochRecord& record) const`.
#include "mini.hpp"
#include <gradus/policy/stopping/concept.hpp>

struct Patience {
  using slot = slot::stopping;
  static constexpr std::string_view name = "Patience";
  static constexpr auto fields() { return no_fields; }
  struct State {
    int epochs = 0;
  };
  State start(const std::vector<NamedTensor>&) const;
  bool stop(const EpochRecord&) const;
  void save(const State&, StateDict&) const;
  void load(State&, const StateDict&) const;
};

Trainer<Net, Patience> trainer;
