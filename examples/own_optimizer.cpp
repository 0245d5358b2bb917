/// An optimizer of one's own, with run state: Lion (Chen et al. 2023, algorithm 2).
#include <gradus/gradus.hpp>

#include <iostream>
#include <string>
#include <vector>

///     c = beta1 m + (1 - beta1) g
///     w -= lr (sign(c) + weight_decay w)
///     m = beta2 m + (1 - beta2) g
struct Lion {
  using slot = gradus::slot::optimizer;
  static constexpr std::string_view name = "Lion";

  double lr = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0.1;

  static constexpr auto fields() {
    using namespace gradus;
    return fields_of(field("lr", &Lion::lr, positive(), "learning rate"),
                     field("beta1", &Lion::beta1, fraction(), "moment's part of a step"),
                     field("beta2", &Lion::beta2, fraction(), "decay of the moment"),
                     field("weight_decay", &Lion::weight_decay, at_least(0), "times the rate"));
  }

  /// Made once per run by `start`; the policy itself never changes.
  struct State {
    std::vector<at::Tensor> parameters;
    std::vector<at::Tensor> moments;
  };

  [[nodiscard]] State start(const std::vector<gradus::NamedTensor>& parameters) const {
    State state;
    for (const auto& [label, parameter] : parameters) {
      state.parameters.push_back(parameter);
      state.moments.push_back(at::zeros_like(parameter.detach()));
    }
    return state;
  }

  [[nodiscard]] constexpr bool has_momentum() const { return true; }

  void step(State& state, const gradus::Rates& rates) const {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < state.parameters.size(); ++i) {
      auto& weight = state.parameters[i];
      if (!weight.grad().defined()) continue;
      auto& moment = state.moments[i];
      const auto direction = at::lerp(weight.grad(), moment, rates.momentum.value_or(beta1)).sign();
      weight.mul_(1 - rates.learning_rate * weight_decay).sub_(direction, rates.learning_rate);
      moment.lerp_(weight.grad(), 1 - beta2);
    }
  }

  /// What a checkpoint keeps; without these two a policy with state does not compile.
  void save(const State& state, gradus::StateDict& to) const {
    for (std::size_t i = 0; i < state.moments.size(); ++i) {
      to.put("moment." + std::to_string(i), state.moments[i]);
    }
  }
  void load(State& state, const gradus::StateDict& from) const {
    for (std::size_t i = 0; i < state.moments.size(); ++i) {
      from.get("moment." + std::to_string(i), state.moments[i]);
    }
  }
};
static_assert(gradus::OptimizerPolicy<Lion>);

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using namespace gradus;
  const auto [train, test] = data::read_cifar10(argv[1]);
  Trainer<ResNet10, Preset<Lion{.lr = 1e-3}>, Mixed> trainer(ResNet10(ResNet10Options{.width = 4}),
                                                             {.epochs = 1});
  const auto history = trainer.fit(train.take(2000), test.take(500));
  std::cout << "test accuracy " << history.epochs.back().test->accuracy() << '\n';
}
