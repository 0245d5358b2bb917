/// A schedule of one's own: a linear warm-up, a plateau, a linear end.
#include <gradus/gradus.hpp>

#include <algorithm>
#include <iostream>

/// The rate rises over the first `warm_up` of the steps and falls to 0 over the last `cool_down`.
struct Trapezoid {
  using slot = gradus::slot::schedule;
  static constexpr std::string_view name = "Trapezoid";

  double warm_up = 0.1;
  double cool_down = 0.3;

  static constexpr auto fields() {
    return gradus::fields_of(
        gradus::field("warm_up", &Trapezoid::warm_up, gradus::between(0, 1), "part of the steps"),
        gradus::field("cool_down", &Trapezoid::cool_down, gradus::between(0, 1),
                      "part of the steps"));
  }

  [[nodiscard]] gradus::Rates at(std::int64_t step, std::int64_t total, double rate) const {
    const double part = (static_cast<double>(step) + 1) / static_cast<double>(total);
    const double rising = warm_up > 0 ? part / warm_up : 1;
    const double falling = cool_down > 0 ? (1 - part) / cool_down : 1;
    return {rate * std::min({1.0, rising, falling}), std::nullopt};
  }
};
static_assert(gradus::SchedulePolicy<Trapezoid>);

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using namespace gradus;
  using Small = Trainer<ResNet10, Preset<AdamW{.lr = 0.01}>, Preset<Prefetch{.batch_size = 64}>>;
  using Mine = with<Small, Preset<Trapezoid{.warm_up = 0.2}>>;

  const auto [train, test] = data::read_cifar10(argv[1]);
  Mine trainer(ResNet10(ResNet10Options{.width = 4}), {.epochs = 1});
  std::cout << dump(policies_to_json(trainer.policies()), 2) << '\n';
  const auto history = trainer.fit(train.take(2000), test.take(500));
  std::cout << "test accuracy " << *history.epochs.back().test->accuracy() << '\n';
}
