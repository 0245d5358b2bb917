// expects: policy gradus::Warmup<Follow> of axis schedule: a schedule with run state cannot be a
// part of another; give the trainer that one alone.
#include "mini.hpp"
#include <gradus/policy/schedule/warmup.hpp>

struct Follow {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Follow";
  static constexpr auto fields() { return no_fields; }
  struct State {
    int falls = 0;
  };
  State start(const std::vector<NamedTensor>&) const;
  Rates at(const State&, std::int64_t, std::int64_t, double) const;
  void after_epoch(State&, const EpochRecord&) const;
  void save(const State&, StateDict&) const;
  void load(State&, const StateDict&) const;
};

Trainer<Net, Warmup<Follow>> trainer;
