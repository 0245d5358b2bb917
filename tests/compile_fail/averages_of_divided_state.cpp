// expects: policy Shards of axis distribution divides the state of Free of axis optimizer, but each
// process needs all of it for the weights that it evaluates; set shard_optimizer to false.
#include "mini.hpp"
#include <gradus/policy/averaging/optimizer_average.hpp>
#include <gradus/policy/distribution/concept.hpp>

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

struct Shards {
  using slot = slot::distribution;
  static constexpr std::string_view name = "Shards";
  static constexpr bool distributes = true;
  bool shard_optimizer = false;
  static constexpr auto fields() {
    return fields_of(field("shard_optimizer", &Shards::shard_optimizer, "whether it divides"));
  }
  struct State {
    int joined = 0;
  };
  State start(const std::vector<NamedTensor>& parameters) const;
  Communicator& ranks(const State& state) const;
  void begin_window(State& state) const;
  void begin_last_pass(State& state, double factor) const;
  void finish_window(State& state) const;
};

Trainer<Net, Free, OptimizerAverage, Preset<Shards{.shard_optimizer = true}>> trainer;
