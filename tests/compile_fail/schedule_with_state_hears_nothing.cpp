// expects: policy Follow of axis schedule has no `after_epoch`; add `void after_epoch(State& state,
// const gradus::EpochRecord& record) const`.
#include "mini.hpp"

struct Follow {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Follow";
  static constexpr auto fields() { return no_fields; }
  struct State {
    int falls = 0;
  };
  State start(const std::vector<NamedTensor>&) const;
  Rates at(const State&, std::int64_t, std::int64_t, double) const;
  void save(const State&, StateDict&) const;
  void load(State&, const StateDict&) const;
};

Trainer<Net, Follow> trainer;
