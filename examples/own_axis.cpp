/// An axis of one's own: a policy that takes part in the step by a hook. Gradient noise
/// (Neelakantan et al. 2015): normal noise on each gradient, the less the further the run.
#include <gradus/gradus.hpp>

#include <cmath>
#include <iostream>

namespace my {

/// The tag is the axis; its name stands in settings, `--set noise.scale=0.1`.
struct noise {
  static constexpr std::string_view name = "noise";
};

struct GradientNoise {
  using slot = noise;
  static constexpr std::string_view name = "GradientNoise";
  using hooks = gradus::Hooks<gradus::At<gradus::hook::before_step, gradus::Phase::late>>;

  double scale = 0.01;
  double decay = 0.55;

  static constexpr auto fields() {
    using namespace gradus;
    return fields_of(field("scale", &GradientNoise::scale, at_least(0), "deviation at first"),
                     field("decay", &GradientNoise::decay, at_least(0), "power of the step"));
  }

  /// A pure function of seed and step: a resumed run draws the same noise.
  void before_step(const gradus::StepContext& context) const {
    const double deviation = scale / std::pow(1.0 + static_cast<double>(context.step), decay / 2);
    auto generator = at::detail::createCPUGenerator(
        gradus::mix(context.seed, static_cast<std::uint64_t>(context.step)));
    for (const auto& [label, parameter] : context.parameters) {
      if (!parameter.grad().defined()) continue;
      const auto drawn = at::randn(parameter.sizes(), generator, at::kFloat);
      parameter.grad().add_(drawn.to(parameter.device()), deviation);
    }
  }
};

}  // namespace my

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  using namespace gradus;
  using Plainly = Trainer<ResNet10, Preset<AdamW{.lr = 0.01}>>;
  using Noisy = with<Plainly, my::GradientNoise>;

  const auto [train, test] = data::read_cifar10(argv[1]);
  Noisy::policies_type policies;
  set_policy_field(policies, "noise", "scale", 0.02);  // as --set would
  Noisy trainer(ResNet10(ResNet10Options{.width = 4}), {.epochs = 1}, policies);
  const auto history = trainer.fit(train.take(1000), test.take(500));
  std::cout << "test accuracy " << *history.epochs.back().test->accuracy() << '\n';
}
