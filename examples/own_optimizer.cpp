/// An optimizer of one's own, with run state: Adagrad (Duchi et al. 2011, section 1.1).
#include <gradus/gradus.hpp>

#include <iostream>
#include <string>
#include <vector>

///     s += g^2;   w -= lr g / (sqrt(s) + eps)
struct Adagrad {
  using slot = gradus::slot::optimizer;
  static constexpr std::string_view name = "Adagrad";

  double lr = 0.01;
  double eps = 1e-10;

  static constexpr auto fields() {
    using namespace gradus;
    return fields_of(field("lr", &Adagrad::lr, positive(), "learning rate"),
                     field("eps", &Adagrad::eps, positive(), "added to the root of the sum"));
  }

  /// Made once per run by `start`; the policy itself never changes.
  struct State {
    std::vector<at::Tensor> parameters;
    std::vector<at::Tensor> sums;
  };

  [[nodiscard]] State start(const std::vector<gradus::NamedTensor>& parameters) const {
    State state;
    for (const auto& [label, parameter] : parameters) {
      state.parameters.push_back(parameter);
      state.sums.push_back(at::zeros_like(parameter.detach()));
    }
    return state;
  }

  [[nodiscard]] constexpr bool has_momentum() const { return false; }

  void step(State& state, const gradus::Rates& rates) const {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < state.parameters.size(); ++i) {
      auto& weight = state.parameters[i];
      const auto& gradient = weight.grad();
      if (!gradient.defined()) continue;
      state.sums[i].addcmul_(gradient, gradient);
      weight.addcdiv_(gradient, state.sums[i].sqrt().add_(eps), -rates.learning_rate);
    }
  }

  /// What a checkpoint keeps; without these two a policy with state does not compile.
  void save(const State& state, gradus::StateDict& to) const {
    for (std::size_t i = 0; i < state.sums.size(); ++i) {
      to.put("sum." + std::to_string(i), state.sums[i]);
    }
  }
  void load(State& state, const gradus::StateDict& from) const {
    for (std::size_t i = 0; i < state.sums.size(); ++i) {
      from.get("sum." + std::to_string(i), state.sums[i]);
    }
  }
};
static_assert(gradus::OptimizerPolicy<Adagrad>);

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using namespace gradus;
  const auto [train, test] = data::read_cifar10(argv[1]);
  Trainer<ResNet10, Preset<Adagrad{.lr = 0.02}>, Mixed> trainer(
      ResNet10(ResNet10Options{.width = 4}), {.epochs = 1});
  const auto history = trainer.fit(train.take(2000), test.take(500));
  std::cout << "test accuracy " << *history.epochs.back().test->accuracy() << '\n';
}
